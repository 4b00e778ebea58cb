"""What the shared memory had for a step of an item: written down before it is shown, and the same whenever the step is asked for again.

A prompt holds what was recalled, and a call is known by its prompt. So a step that is done over, after a crash or by another
worker, has to see what it saw the first time: else all its calls would be other ones, and paid for again.
"""

from dataclasses import dataclass

from tandem_reasoning.ledger.draft import Draft, written
from tandem_reasoning.ledger.rows import RECOLLECTION, recollection_of
from tandem_reasoning.ledger.values import Recollection

_RECOLLECT = "INSERT INTO recollection (position, step, shown, records) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_KEPT = RECOLLECTION + " WHERE position = ? AND step = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollect:
    """Keep what was found for a step, unless something was kept for it before.

    Attributes:
        item: Whose step it is.
        step: From 1.
        shown: Whether prompts show it; not so where the item is held out from the memory.
        records: What was found, as JSON.
    """

    item: str
    step: int
    shown: bool
    records: str

    def apply(self, draft: Draft) -> Recollection:
        """What counts: the first that was kept."""
        position, *_ = draft.item(self.item)
        draft.run(_RECOLLECT, position, self.step, self.shown, written(self.records))
        row = draft.one(_KEPT, position, self.step)
        assert row is not None
        return recollection_of(row)
