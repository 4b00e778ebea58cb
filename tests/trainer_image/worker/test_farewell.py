"""When ranks that are to leave are killed."""

import pytest
from tandem_trainer.worker.farewell import Farewell


class Clock:
    """Seconds, as the test has them."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def lasts(farewell: Farewell, clock: Clock, *, saving: bool = False) -> float:
    """Seconds from now until they are killed; 1,000 for never."""
    begun = clock.now
    while not farewell.look(saving=saving) and clock.now < begun + 1_000:
        clock.now += 0.5
    return clock.now - begun


@pytest.mark.parametrize(("grace_s", "within_s"), [(30, 27), (60, 54), (100, 60), (600, 360)])
def test_most_of_the_grace_period_is_theirs(grace_s: float, within_s: float) -> None:
    """Of a long one the rest is the upload's; nothing is done before they are asked."""
    clock = Clock()
    farewell = Farewell(grace_s, clock)
    assert not farewell.look(saving=False)
    farewell.left()
    assert lasts(farewell, clock) == within_s


def test_who_waits_for_an_upload_does_not_hang() -> None:
    """Its time begins when there is room again."""
    clock = Clock()
    farewell = Farewell(100, clock)
    farewell.left()
    assert lasts(farewell, clock, saving=True) == 1_000
    assert lasts(farewell, clock) == 60


def test_who_waits_for_a_rank_that_fell_waits_in_vain() -> None:
    """Also while something is uploaded, and however it was asked to leave."""
    clock = Clock()
    farewell = Farewell(100, clock)
    farewell.fell()
    farewell.left()
    assert lasts(farewell, clock, saving=True) == 5
