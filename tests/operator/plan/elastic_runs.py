"""Elastic runs to begin with: in a world with too few machines, and after they have shrunk to those there are."""

from datetime import timedelta
from typing import Any

from tandem_operator.plan.values import SeenNode

from .world import Room, World, run_of

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
NODES = (SeenNode(name="n0"), SeenNode(name="n1"))


def elastic_run(room: int | None, workers: int = 6, nodes: tuple[SeenNode, ...] = (), **spec: Any) -> World:
    """A run of six workers, of which one is enough, in a world with machines for `room` of them."""
    world = World(run_of(workers=workers, **{"minWorkers": 1, **spec}), nodes)
    world.make_room(Room(workers=room))
    world.settle()
    return world


def shrunk(room: int, **more: Any) -> World:
    """The same after it has shrunk to what there was room for, and runs; its spares wait."""
    world = elastic_run(room, **more)
    world.wait(30 * SECOND)
    changed(world)
    return world


def changed(world: World) -> None:
    """The attempt ends, everybody leaves, and the next one comes up."""
    world.look()
    world.leave()
    world.settle()


def spares(world: World) -> list[str]:
    """Those that live."""
    return [worker.name for worker in world.live() if worker.spare]
