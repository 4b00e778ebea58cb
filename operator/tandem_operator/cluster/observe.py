"""What is: the pods of a run as workers, the machines they are on, and the newest report."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tandem_operator import wire
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.values import Report, Seen

from .known.world import World
from .kube.informer import Key

if TYPE_CHECKING:
    from tandem.telemetry.v1.telemetry_pb2 import WorkerReport

Heard = Callable[[Key], "WorkerReport | None"]
"""The newest report of a run, if there is one."""


def observe(run: TrainingRun, key: Key, world: World, heard: Heard) -> Seen:
    """All that the planner may rest on, at this moment."""
    workers = tuple(world.worker(pod) for pod in world.pods_of(key, run.metadata.uid))
    vanished = world.vanished(key, run.metadata.uid, run.status.looked_at)
    names = dict.fromkeys(worker.node for worker in (*workers, *vanished) if worker.node)
    nodes = tuple(node for name in names if (node := world.machines.node(name)))
    return Seen(workers=workers, nodes=nodes, report=_report(run, key, heard), refused=world.refusals.get(run), vanished=vanished)


def _report(run: TrainingRun, key: Key, heard: Heard) -> Report | None:
    """The newest word of this run; not of another of its name, which the service may still know."""
    told = heard(key)
    if told is None or told.source.uid != run.metadata.uid:
        return None
    return wire.report(told)
