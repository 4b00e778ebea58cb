"""Which step comes next, in which phase, at which learning rate: all of it a function of the number of steps done."""

import math
from collections.abc import Iterator

from tandem_trainer.job import Phase
from tandem_trainer.trainer import Position

_LAST_SHARE = 0.1  # a cosine ends at a tenth of its height (Hoffmann et al. 2022, training details)


def learning_rate(phase: Phase, phase_step: int) -> float:
    """Learning rate of the step that follows `phase_step` steps of `phase`: a linear rise, then flat or a cosine."""
    if phase_step < phase.warmup_steps:
        return phase.learning_rate * (phase_step + 1) / phase.warmup_steps
    if phase.schedule == "constant":
        return phase.learning_rate
    done = (phase_step - phase.warmup_steps) / max(1, phase.steps - phase.warmup_steps)
    return phase.learning_rate * (_LAST_SHARE + (1 - _LAST_SHARE) * 0.5 * (1 + math.cos(math.pi * done)))


def positions(phases: tuple[Phase, ...], first: int) -> Iterator[Position]:
    """The steps from number `first` (counted from 0) to the end of the last phase."""
    before = 0
    for index, phase in enumerate(phases):
        for phase_step in range(max(0, first - before), phase.steps):
            yield Position(
                step=before + phase_step,
                phase=phase,
                phase_index=index,
                phase_step=phase_step,
                learning_rate=learning_rate(phase, phase_step),
            )
        before += phase.steps
