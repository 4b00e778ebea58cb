"""Watches what the memory is worth to the run, and has it asked no more once it is known to do harm.

What it rests on is in the ledger: each outcome says what was found for it and whether that was shown. A coordinator that is started
anew counts again, and an event says that memory was turned off.
"""

import asyncio
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tandem_reasoning.coordinator.memory.found import Found
from tandem_reasoning.ledger import Desk, Reader, State, Tell
from tandem_reasoning.routing.remembering.gain import Usual
from tandem_reasoning.routing.remembering.harm import harmful
from tandem_reasoning.routing.remembering.lift import Gone, lift
from tandem_reasoning.scores.score import Score
from tandem_reasoning.thinking.answers import right

_PAGE = 1000
_OFF = "memory/off"
_GROWN = 1.05  # times as many questions until it is reckoned anew: 50,000 take half a second, and are reckoned a hundred times in all
_AT_LEAST = 10
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """How a question went.

    Attributes:
        kind: Class of the question.
        found: Whether the memory had a record for it.
        shown: Whether that was shown.
        right: Whether the answer is right; None when nobody knows.
        agreement: Part of the experts that agreed.
    """

    kind: str
    found: bool
    shown: bool
    right: bool | None
    agreement: float | None


class Effect:
    """What memory is worth.

    Attributes:
        off: Why it is not asked any more; empty while it is.
        score: As it was reckoned last; None before.
    """

    def __init__(self, desk: Desk, reader: Reader, *, hold_out: float, stop: bool) -> None:
        """Begin with what is in the ledger.

        Args:
            desk: Where an event is told.
            reader: Of the ledger.
            hold_out: Chance with which a question is held out.
            stop: Whether memory is turned off where it does harm.
        """
        self._desk, self._hold_out, self._stop = desk, hold_out, stop
        self._gone, self.usual = list[Gone](), Usual()
        self.shown = self.held_out = 0
        self._reckoned_at = 0
        self._reckoning: asyncio.Task[None] | None = None
        self.score: Score | None = None
        self.off = _turned_off(reader) if stop else ""
        for each in _answered(reader):
            self._count(each)

    def add(self, answered: Answered) -> None:
        """A question was answered; what memory is worth is reckoned when enough were."""
        self._count(answered)
        due = len(self._gone) >= max(self._reckoned_at * _GROWN, self._reckoned_at + _AT_LEAST)
        if due and self._reckoning is None:
            self._reckoning = asyncio.create_task(self._reckon())

    async def settled(self) -> None:
        """Wait for what is being reckoned."""
        while self._reckoning is not None:
            await asyncio.wait([self._reckoning])

    def _count(self, answered: Answered) -> None:
        if not answered.shown and answered.right is not None:
            self.usual.add(answered.kind, right=answered.right)
        if not answered.found:
            return
        self.shown += answered.shown
        self.held_out += not answered.shown
        self._gone.append(Gone(shown=answered.shown, right=answered.right, agreement=answered.agreement))

    async def _reckon(self) -> None:
        gone = tuple(self._gone)
        try:
            self.score = await asyncio.to_thread(lift, gone, hold_out=self._hold_out)
            self._reckoned_at = len(gone)
            if self._stop and not self.off and harmful(self.score):
                await self._turn_off(self.score)
        finally:
            self._reckoning = None

    async def _turn_off(self, score: Score) -> None:
        assert score.interval is not None
        low, high = (f"{100 * each:+.0f}" for each in score.interval)
        self.off = f"Answers are worse with the memory, by {low} to {high} points in 19 of 20 cases; it is not asked any more."
        _log.warning("%s", self.off)
        await self._desk.ask(Tell(key=_OFF, kind="MemoryHarmDetected", message=self.off))


def recalled_detail(found: tuple[Found, ...], *, shown: bool, away: bool, hold_out: float) -> dict[str, object]:
    """What an outcome says of what the memory had for it, and whether it could not be asked for some step."""
    records = [{"id": each.id, "source": each.source, "similarity": each.similarity} for each in found]
    return {"shown": shown, "holdOut": hold_out, "records": records, **({"away": True} if away else {})}


def _turned_off(reader: Reader) -> str:
    after = 0
    while page := reader.events(after, _PAGE):
        for event in page:
            if event.key == _OFF:
                return event.message
        after = page[-1].number
    return ""


def _answered(reader: Reader) -> Iterator[Answered]:
    """All outcomes of the ledger."""
    after = 0
    while page := reader.items(after, _PAGE, state=State.DONE):
        for item in page:
            assert item.outcome is not None
            detail: dict[str, Any] = json.loads(item.outcome.detail)
            told: dict[str, Any] = detail.get("recalled") or {}
            label = item.question.answer
            yield Answered(
                kind=item.question.kind,
                found=bool(told.get("records")),
                shown=bool(told.get("records")) and bool(told.get("shown")),
                right=None if label is None else right(item.outcome.answer, label),
                agreement=item.outcome.agreement,
            )
        after = page[-1].position
