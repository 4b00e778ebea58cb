"""What is a loss spike, and what is not."""

import math
import random

from tandem_trainer.stability.spikes import Spikes


def falling(steps: int, seed: int = 0) -> list[float]:
    """A loss as it falls in practice: a power law with a little noise."""
    rng = random.Random(seed)
    return [2 + 4 / (1 + step / 20) + rng.gauss(0, 0.03) for step in range(steps)]


def test_an_undisturbed_run_has_no_spike() -> None:
    """Five runs of 2,000 steps of falling, noisy loss: nothing is reported."""
    for seed in range(5):
        spikes = Spikes(window=128, sigmas=6)
        assert not [loss for loss in falling(2000, seed) if spikes.spike(loss)]


def test_a_jump_is_a_spike_and_does_not_move_the_yardstick() -> None:
    """A loss that jumps is seen every time it does, because spikes never enter the window."""
    spikes = Spikes(window=128, sigmas=6)
    for loss in falling(500):
        spikes.spike(loss)
    assert all(spikes.spike(2.6) for _ in range(200))
    assert spikes.seen == 200
    assert not spikes.spike(2.15)


def test_a_loss_that_is_no_number_is_a_spike_at_any_time() -> None:
    """Infinities and what is no number count from the first step on, and in a row until a finite loss comes."""
    spikes = Spikes(window=8, sigmas=6)
    assert spikes.spike(math.nan)
    assert spikes.spike(math.inf)
    assert spikes.not_finite_in_a_row == 2
    assert not spikes.spike(5.0)
    assert spikes.not_finite_in_a_row == 0
