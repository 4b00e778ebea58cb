"""A pod of a DualRun as the planner sees it: a part that waits, answers, leaves or has ended, and why."""

from dataclasses import dataclass
from itertools import chain
from sys import intern

from tandem_operator.cluster.kube.document import Json, part, parts, text
from tandem_operator.plan.dual.values import Role, SeenPart
from tandem_operator.render.dual.environment import TLS_CERT
from tandem_operator.render.manifest import DUAL_RUN, INDEX, ROLE, RUN_UID, START

from . import endings, origins, waits
from .sighting import SightedPod

_ROLES = frozenset(role.value for role in Role)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPod(SightedPod):
    """A pod of a DualRun, and the part that it is; `plaintext` says of a coordinator that it shows no certificate."""

    part: SeenPart
    plaintext: bool = False

    @property
    def name(self) -> str:
        """Its name, in the namespace of the run."""
        return self.part.name

    @property
    def node(self) -> str:
        """Its machine; empty while it has none."""
        return self.part.node


def part_pod(pod: Json) -> PartPod | None:
    """The pod as the planner sees it; None when it is no part of a DualRun."""
    labels = part(pod, "metadata", "labels")
    run, role, index, start = (text(labels, name) for name in (DUAL_RUN, ROLE, INDEX, START))
    if not run or role not in _ROLES or not index.isdecimal() or not start.isdecimal():
        return None
    return PartPod(
        run=(intern(text(pod, "metadata", "namespace")), intern(run)),
        run_uid=intern(text(labels, RUN_UID)),
        uid=text(pod, "metadata", "uid"),
        part=_part(pod, Role(role), int(index), int(start)),
        plaintext=role == Role.COORDINATOR and not _told(pod, role, TLS_CERT),
        grace_s=endings.grace_s(pod),
    )


def _part(pod: Json, role: Role, index: int, start: int) -> SeenPart:
    conditions, ended = endings.conditions_of(pod), endings.end(pod, role.value)
    leaves = bool(text(pod, "metadata", "deletionTimestamp"))
    return SeenPart(
        name=intern(text(pod, "metadata", "name")),
        role=role,
        index=index,
        start=start,
        since=endings.since(pod, conditions),
        until=ended.at if ended else None,
        exit_code=ended.code if ended else None,
        message=origins.traced(_last_line(ended.message), pod, role.value, origins.OF_A_DUAL_RUN) if ended else "",
        ready=ended is None and not leaves and endings.true(conditions, "Ready"),
        stopping=leaves,
        # Whoever deletes a pod, if it was not we: that it leaves then is no failure of its own.
        disrupted=leaves or endings.disruption(conditions) is not None or bool(ended and ended.disrupted),
        waiting=None if ended else waits.waiting(pod, conditions, role.value),
        node=intern(text(pod, "spec", "nodeName")),
    )


def _told(pod: Json, container: str, variable: str) -> bool:
    """Whether a container is told such a variable."""
    told = (parts(each, "env") for each in parts(pod, "spec", "containers") if text(each, "name") == container)
    return any(text(each, "name") == variable for each in chain.from_iterable(told))


def _last_line(said: str) -> str:
    """The sentence with which a program ends; what its log said before is of no interest."""
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else ""
