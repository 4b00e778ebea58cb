"""When a checkpoint is due."""

import pytest
from tandem_trainer.job import Checkpoint
from tandem_trainer.rank.cadence import Cadence


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_steps_are_counted_from_the_beginning_of_the_run() -> None:
    """Every fifth step is due, wherever the attempt began, and time alone makes none due."""
    clock = Clock()
    cadence = Cadence(Checkpoint(uri="", every_steps=5), clock=clock)
    clock.now_s += 1e6
    assert not cadence.late()
    assert [done for done in range(1, 17) if cadence.due(done, late=cadence.late())] == [5, 10, 15]


@pytest.mark.parametrize(("asked", "seconds"), [({"every_seconds": 7}, 7), ({}, 60), ({"every_steps": 1000, "every_seconds": 7}, 7)])
def test_seconds_are_counted_from_the_checkpoint_before(asked: dict[str, int], seconds: int) -> None:
    """Late once the seconds asked for, or a minute where nothing was asked for, have passed since the last one."""
    clock = Clock()
    cadence = Cadence(Checkpoint(uri="", **asked), clock=clock)
    for _ in range(2):
        clock.now_s += seconds - 0.5
        assert not cadence.late()
        clock.now_s += 0.5
        assert cadence.late()
        cadence.taken()
        assert not cadence.late()


def test_what_the_ranks_agreed_on_counts_and_not_the_own_clock() -> None:
    """A rank whose own clock says nothing saves when rank 0's does, and does not save alone."""
    clock = Clock()
    cadence = Cadence(Checkpoint(uri="", every_seconds=7), clock=clock)
    assert cadence.due(3, late=True)
    clock.now_s += 100
    assert cadence.late()
    assert not cadence.due(3, late=False)
