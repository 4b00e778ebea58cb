"""Plays a scenario: a run, a list of happenings with their times, and a punctual shell that looks when it was asked to.

What is recorded is what the planner said, look by look. Quiet looks, at which nothing but the spend changed, are left out.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tandem_operator.api.model import duration, duration_text
from tandem_operator.api.status import RunStatus
from tandem_operator.plan.values import Plan, SeenNode

from .world import START, Killed, World, run_of

Record = dict[str, Any]
_COUNTED = {
    "attempt": "attempt",
    "workers": "workers",
    "failures": "failures",
    "preemptions": "preemptions",
    "noProgress": "no_progress",
    "step": "step",
    "lostSteps": "lost_steps",
    "timeToResumeSeconds": "time_to_resume_seconds",
    "etaSeconds": "eta_seconds",
    "message": "message",
}


def play(script: Record) -> list[Record]:
    """The looks of a scenario that were not quiet."""
    player = _Player(script)
    return list(player.looks(_length(script["until"])))


class _Player:
    def __init__(self, script: Record) -> None:
        nodes = [SeenNode(name=name, usd_per_hour=usd and Decimal(str(usd))) for name, usd in script.get("nodes", {}).items()]
        self.world = World(run_of(**script["spec"]), nodes)
        self.leaving = _length(script.get("leavesAfter", "2s"))
        self.code: int = script.get("leavesWith", 143)
        self.coming: list[tuple[datetime, Record]] = [(START + _length(it["at"]), it) for it in script["happens"]]
        self.killed = Killed.NEVER
        self.next_look: datetime | None = START

    def looks(self, length: timedelta) -> Iterator[Record]:
        last: Record = {}
        while (now := self._next_moment()) and now <= START + length:
            self.world.now = now
            self._let_happen()
            if self.next_look is None or self.next_look > now and self.killed is not Killed.NEVER:
                continue
            record = self._look()
            if _notable(record, last):
                yield _without_repeats(record, last)
            last = record
            if record.get("remove"):
                return

    def _next_moment(self) -> datetime | None:
        moments = [at for at, _ in self.coming] + ([self.next_look] if self.next_look else [])
        return min(moments, default=None)

    def _let_happen(self) -> None:
        due = [it for at, it in self.coming if at <= self.world.now]
        self.coming = [(at, it) for at, it in self.coming if at > self.world.now]
        for it in due:
            for what, how in it.items():
                if what != "at":
                    getattr(self, f"_{what}")(how)
