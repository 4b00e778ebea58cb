"""Which checkpoints of a worker were lost and not made up for: it must not be said to be done as long as there is one. Pure."""

from tandem_trainer.worker.uploads import Kept, Saved


class Unsaved:
    """Hears of every result, in any order: uploads of several ranks overtake each other.

    Args:
        leads: Whether this agent is told of complete checkpoints. Another one hears of the parts of its own ranks alone.
    """

    def __init__(self, *, leads: bool) -> None:
        self._leads = leads
        self._lost: dict[int, tuple[int, str]] = {}  # by rank: the step, and why

    def hear(self, result: Saved | Kept) -> None:
        """Of a part or of a whole checkpoint. What comes later makes up for what came before it, and for nothing after."""
        rank, step = result.snapshot.rank, result.snapshot.step
        if result.problem:
            self._lost[rank] = max(self._lost.get(rank, (0, "")), (step, result.problem), key=lambda lost: lost[0])
        elif isinstance(result, Kept):
            self._lost = {other: lost for other, lost in self._lost.items() if lost[0] > step}
        elif not self._leads and self._lost.get(rank, (step,))[0] <= step:
            self._lost.pop(rank, None)

    @property
    def problem(self) -> str:
        """Of the latest that was lost; empty when none is missing."""
        return max(self._lost.values(), key=lambda lost: lost[0], default=(0, ""))[1]
