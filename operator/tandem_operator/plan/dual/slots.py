"""Which parts a DualRun is made of: memory, engines, one coordinator, workers; in the order in which they are started."""

from tandem_operator.api.dual_run import DualRun

from .values import Role, Slot


def slots(run: DualRun, *, memory_offered: bool = False) -> tuple[Slot, ...]:
    """The slots of `run`; a memory of its own only where it wants one, names none, and the shell has none to offer."""
    own_memory = run.spec.memory is not None and run.spec.memory.address is None and not memory_offered
    return (
        *([Slot(role=Role.MEMORY)] if own_memory else []),
        *engines(run),
        Slot(role=Role.COORDINATOR),
        *(Slot(role=Role.WORKER, index=index) for index in range(run.spec.workers)),
    )


def engines(run: DualRun) -> tuple[Slot, ...]:
    """The servers of the run's own, counted through over all lanes."""
    served = [(lane.name, lane.engine) for lane in run.spec.lanes if lane.engine for _ in range(lane.engine.instances)]
    return tuple(Slot(role=Role.ENGINE, index=index, lane=lane, engine=engine) for index, (lane, engine) in enumerate(served))


def engines_of(run: DualRun, lane: str) -> tuple[str, ...]:
    """The names of the slots that serve a lane."""
    return tuple(slot.name for slot in engines(run) if slot.lane == lane)
