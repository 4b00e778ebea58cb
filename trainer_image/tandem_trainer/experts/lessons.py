"""Does anybody still learn? Updates whose errors are no numbers are left out; where all are, later steps only cost money."""

from tandem_trainer.job import Run
from tandem_trainer.refusal import Refusal
from tandem_trainer.stability.spikes import LOST_AFTER
from tandem_trainer.trainer import Position


class Lessons:
    """Updates that were left out since the attempt began, and whether any other was made beside them."""

    def __init__(self, run: Run) -> None:
        self._last = run.total_steps - 1
        self._new = self._given = self._in_vain = 0
        self._since = 0

    def left_out(self) -> int:
        """Updates left out since this was last asked, of experts and of what all share."""
        new, self._new = self._new, 0
        return new

    def shared(self, step: int, *, finite: bool) -> None:
        """What all share was to learn in `step`; it did unless its gradient was not finite."""
        if not finite:
            self._new += 1
            print(f"step {step + 1}: what all share was not changed by errors that are no numbers", flush=True)  # noqa: T201  # the log

    def experts(self, step: int, *, refused: int, asked: int) -> None:
        """The lesson of `step`, for `asked` experts, of whom `refused` were not changed."""
        self._given += 1
        self._new += refused
        self._in_vain = self._in_vain + 1 if 0 < refused == asked else 0
        self._since = step + 2 - self._in_vain

    def insist(self, at: Position) -> None:
        """A run in which nobody learns looks as if all was well: its loss is a number.

        Raises:
            Refusal: when nobody has learned from as many lessons in a row as end a run whose loss is none, or, in the last step, from any.
        """
        if self._in_vain >= LOST_AFTER or (at.step == self._last and 0 < self._in_vain == self._given):
            named = f"phases[{at.phase_index}].learningRate: {at.phase.learning_rate:g}"
            why = f"since step {self._since} no expert that was asked could learn, for all their errors are no numbers"
            message = f"{named} is too much: {why}: lower it or trainer.experts.mixture.rate, and begin anew"
            raise Refusal(message)
