"""What is: the pods of a run as workers, the machines they are on, and the newest report."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from tandem_operator import wire
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.values import Report, Seen, SeenNode

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
    nodes = tuple(_shared(node, world.share(name, run.metadata.uid)) for name in names if (node := world.machines.node(name)))
    return Seen(workers=workers, nodes=nodes, report=_report(run, key, heard), refused=world.refusals.get(run), vanished=vanished)


def _shared(node: SeenNode, share: Fraction) -> SeenNode:
    """A machine at what the run pays for it: all runs that have workers there together pay its price, however many there are."""
    if node.usd_per_hour is None or share == 1:
        return node
    return replace(node, usd_per_hour=node.usd_per_hour * share.numerator / share.denominator)


def _report(run: TrainingRun, key: Key, heard: Heard) -> Report | None:
    """The newest word of this run; not of another of its name, which the service may still know."""
    told = heard(key)
    if told is None or told.source.uid != run.metadata.uid:
        return None
    return wire.report(told)
