"""All that a cluster would be given for a DualRun, in the order in which it is made."""

from collections.abc import Iterable
from typing import Final

from tandem_operator.api.dual_run import DualRun
from tandem_operator.plan.dual.slots import engines, slots
from tandem_operator.plan.dual.values import Part
from tandem_operator.render.cluster_site import PodSite
from tandem_operator.render.manifest import Manifest

from . import credentials, objects
from .credentials import Credentials
from .parts import pod_of

NOT_YET: Final = "00000000-0000-0000-0000-000000000000"
"""Stands for the uid that the API server will give a run; names of what belongs to it begin with eight characters of it."""


def manifests(run: DualRun, parts: Iterable[Part], site: PodSite, known_by: Credentials) -> tuple[Manifest, ...]:
    """The Secret of what parts are `known_by`, name and disk of the coordinator, names of engines, and a pod for each of `parts`."""
    furniture = (credentials.secret(run, known_by), objects.service(run), objects.claim(run, site))
    names = (objects.engine_service(run, slot) for slot in engines(run))
    return (*furniture, *names, *(pod_of(part, run, site, known_by.digest) for part in parts))


def foreseen(run: DualRun, site: PodSite) -> list[Manifest]:
    """What `site` would be given for a run that no API server knows yet. Nothing of it has an owner: there is none to name."""
    named = run.model_copy(update={"metadata": run.metadata.model_copy(update={"uid": NOT_YET})})
    parts = (Part(run=run.name, slot=slot, start=1) for slot in slots(named, memory_offered=site.memory is not None))
    return [_unowned(each) for each in manifests(named, parts, site, credentials.UNKNOWN)]


def _unowned(made: Manifest) -> Manifest:
    metadata = {name: value for name, value in made["metadata"].items() if name != "ownerReferences"}
    return {**made, "metadata": metadata}
