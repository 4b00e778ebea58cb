"""Plays a scenario: a run, a list of happenings with their times, and a punctual shell that looks when it was asked to.

What is recorded is what the planner said, look by look. Quiet looks, at which nothing but the spend changed, are left out,
and so are the fields of a look that are as they were at the one before.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from tandem_operator.api.scalars import duration
from tandem_operator.api.status import RunPhase, RunStatus
from tandem_operator.plan.values import Plan, SeenNode, Tier, Waiting

from .world import START, Killed, Room, World, run_of

Record = dict[str, Any]
_FIELDS = (
    "attempt",
    "workers",
    "nextWorkers",
    "growAfter",
    "capacity",
    "failures",
    "preemptions",
    "noProgress",
    "step",
    "lostSteps",
    "timeToResumeSeconds",
    "etaSeconds",
    "message",
)


def play(script: Mapping[str, Any]) -> list[Record]:
    """The looks of a scenario that were not quiet."""
    return list(_Player(script).looks())


class _Player:
    def __init__(self, script: Mapping[str, Any]) -> None:
        prices: Mapping[str, float | None] = script.get("nodes", {})
        nodes = [SeenNode(name=name, usd_per_hour=None if usd is None else Decimal(str(usd))) for name, usd in prices.items()]
        self.world = World(run_of(**script["spec"]), nodes)
        self.until = START + _length(script["until"])
        self.leaving = _length(script.get("leavesAfter", "2s"))
        self.leaves_with: int = script.get("leavesWith", 143)
        self.coming = [(START + _length(it["at"]), {what: how for what, how in it.items() if what != "at"}) for it in script["happens"]]
        self.next_look: datetime | None = START
        self.killed, self.gone = Killed.NEVER, False

    def looks(self) -> Iterator[Record]:
        before: Record = {}
        while (now := self._next_moment()) and now <= self.until:
            self.world.now = now
            self._let_happen()
            if self.gone:
                continue
            record = self._look()
            if new := _news(record, before):
                yield {"at": f"{(now - START).total_seconds():g}s", **new}
            before = record

    def _next_moment(self) -> datetime | None:
        looks = [self.next_look] if self.next_look and not self.gone else []
        return min([*looks, *(at for at, _ in self.coming)], default=None)

    def _let_happen(self) -> None:
        due = [it for at, it in self.coming if at <= self.world.now]
        self.coming = [(at, it) for at, it in self.coming if at > self.world.now]
        for what, how in (pair for it in due for pair in it.items()):
            getattr(self, f"_{what}")(how)

    def _look(self) -> Record:
        made = self.world.look(self.killed)
        self.next_look = None if made.look_again is None else self.world.now + made.look_again
        if made.stop:
            self.coming.append((self.world.now + self.leaving, {"leave": self.leaves_with}))
        record = _record(made, self.world.killed and self.killed)
        if self.world.killed:
            self.gone, self.killed = True, Killed.NEVER
        return record

    # What can happen, by the names that scenarios use.

    def _exit(self, how: Mapping[str, Any]) -> None:
        self.world.end(how["worker"], how["code"], how.get("message", ""), disrupted=how.get("disrupted", False))

    def _finish(self, names: list[str]) -> None:
        for name in names:
            self.world.end(name, 0)

    def _vanish(self, names: list[str]) -> None:
        for name in names:
            self.world.vanish(name)

    def _notice(self, how: Mapping[str, str]) -> None:
        for node, text in how.items():
            self.world.notice(node, text)

    def _cordon(self, how: Mapping[str, bool]) -> None:
        """Nodes that take no more pods, or take them again."""
        for node, cordoned in how.items():
            self.world.cordon(node, cordoned=cordoned)

    def _silent(self, nodes: list[str]) -> None:
        """Nodes that are not heard of any more."""
        for node in nodes:
            self.world.silence(node)

    def _heard(self, nodes: list[str]) -> None:
        """Nodes that are heard of again: whoever was asked to leave there hears it now."""
        for node in nodes:
            self.world.hear(node)
        self.coming.append((self.world.now + self.leaving, {"leave": self.leaves_with}))

    def _delete(self, names: list[str]) -> None:
        """Somebody else asks workers to leave."""
        for name in names:
            self.world.ask(name)
        self.coming.append((self.world.now + self.leaving, {"leave": self.leaves_with}))

    def _room(self, how: Mapping[str, Any] | None) -> None:
        """Machines for so many workers, and of them so many spot machines; what the others wait for. None: for everybody."""
        how = how or {}
        waiting = Waiting(tier=Tier(how.get("tier", Tier.NO_CAPACITY)), message=how.get("message", ""))
        self.world.make_room(Room(workers=how.get("workers"), spot=how.get("spot"), others=waiting))

    def _slow(self, how: Mapping[str, str] | None) -> None:
        """What workers wait for that have a machine; None: for nothing, and those that waited come up."""
        self.world.slow_down(Waiting(tier=Tier(how["tier"]), message=how.get("message", ""), placed=True) if how else None)

    def _leave(self, code: int) -> None:
        self.world.leave(code)

    def _report(self, how: Mapping[str, Any]) -> None:
        names = {"resumedFrom": "resumed_from", "tokensPerSecond": "tokens_per_second", "trainingPhase": "training_phase"}
        self.world.tell(**{names.get(name, name): value for name, value in how.items()})

    def _edit(self, how: Mapping[str, Any]) -> None:
        self.world.edit(**how)

    def _shell(self, how: str) -> None:
        """`back`, or the part of a plan in which it is killed, as soon as there is a plan with that part."""
        if how == "back":
            self.gone = False
        else:
            self.killed = Killed(how)


def _record(made: Plan, killed: Killed | Literal[False]) -> Record:
    status = made.status.model_dump(mode="json", by_alias=True, exclude_none=True)
    again = None if made.look_again is None else f"{made.look_again.total_seconds():g}s"
    record: Record = {
        "phase": f"{status['phase']}, {status['reason']}",
        "stop": list(made.stop),
        "start": [worker.name for worker in made.start],
        "events": [f"{event.kind} {event.reason}: {event.message}" for event in made.events],
        "remove": made.remove,
        "killed": killed and killed.value,
        **{name: status.get(name) for name in _FIELDS},
        "checkpoint": status.get("checkpoint", {}).get("step"),
        "scheduled": _scheduled(made.status),
        "conditions": [one.type for one in made.status.conditions if one.status == "True" and one.type not in _SAID_ELSEWHERE],
        "hold": made.hold,
        "saveAfter": f"step {made.save.after}" if made.save else None,
    }
    money = {"spentUsd": f"{made.status.spent_usd:.4f}", **({"lostUsd": f"{made.status.lost_usd:.4f}"} if made.status.lost_usd else {})}
    return {**record, **money, "lookAgain": again}


def _scheduled(status: RunStatus) -> str | None:
    """Whether a pending run has its machines, and if not, what it waits for."""
    if status.phase is not RunPhase.PENDING:
        return None
    (found,) = [condition for condition in status.conditions if condition.type == "Scheduled"]
    return f"{found.status}, {found.reason}" + (f": {found.message}" if found.message else "")


_SAID_ELSEWHERE = ("Accepted", "Scheduled")
_OWN = ("stop", "start", "events", "remove", "killed")  # of one look alone: said whenever they say something
_QUIET = ("spentUsd", "lostUsd", "lookAgain")  # said with every look that is recorded, but no reason to record one


def _news(record: Record, before: Record) -> Record:
    """What is to be told of a look, in the order of the record; empty when it was quiet."""
    own = {name for name in _OWN if record[name]}
    changed = {name for name, value in record.items() if name not in (*_OWN, *_QUIET) and (value or None) != (before.get(name) or None)}
    told = own | changed
    return {name: value for name, value in record.items() if name in told or name in _QUIET} if told else {}


def _length(text: str) -> timedelta:
    length = duration(text)
    assert isinstance(length, timedelta)
    return length
