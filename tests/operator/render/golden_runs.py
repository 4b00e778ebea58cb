"""The runs of `golden/`: what each is made of, and the manifests that were recorded for it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from tandem_operator.api.placement import Spot
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.policies import wanted
from tandem_operator.plan.values import Worker
from tandem_operator.render.cluster_site import PodSite
from tandem_operator.render.manifest import Manifest
from tandem_operator.render.manifests import manifests

FILES = sorted((Path(__file__).parent / "golden").glob("*.yaml"))
_RECORDED = "\nmanifests:\n"


def made(file: Path) -> list[Manifest]:
    """The manifests of a file's run as they are rendered now."""
    told = yaml.safe_load(file.read_text())
    run = TrainingRun.model_validate(told["run"])
    site = PodSite(**{name: tuple(value) if isinstance(value, list) else value for name, value in told["site"].items()})
    return list(manifests(run, _workers(run, told), site))


def recorded(file: Path) -> list[Manifest]:
    return yaml.safe_load(file.read_text()).get("manifests", [])


def record(file: Path) -> None:
    """Keep what is made now."""
    text = yaml.safe_dump(made(file), sort_keys=False, width=140, allow_unicode=True)
    file.write_text(file.read_text().split(_RECORDED)[0].rstrip() + "\n" + _RECORDED + text)


def _workers(run: TrainingRun, told: dict[str, Any]) -> list[Worker]:
    workers = [replace(worker, spot=Spot(told.get("spot", "Prefer"))) for worker in wanted.workers(run)]
    first = run.status.workers
    spares = [Worker(run=run.name, attempt=run.status.attempt, rank=first + each, spare=True) for each in range(told.get("spares", 0))]
    return workers + spares
