"""A ledger against plain dicts: whatever is done to both, in whatever groups, they answer and know the same, also after restarts."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tandem_reasoning.ledger import (
    Charge,
    Claim,
    Complete,
    Discard,
    Extend,
    Fail,
    Forfeit,
    Hold,
    Intend,
    Job,
    Lease,
    Ledger,
    Load,
    Memory,
    Outcome,
    Release,
    Reserved,
    Sent,
    SetCap,
    Settle,
    Tell,
)
from tandem_reasoning.values import Call, CallPlace, Question, Usage

from .plain import Plain

NAMES = ("a", "b", "c", "d", "e")
MAX_ATTEMPTS = 3

names = st.sampled_from(NAMES)
keys = st.sampled_from(["k1", "k2", "k3"])
lanes = st.sampled_from(["cloud", "local"])
places = st.integers(0, 30)  # among the holds or tickets that are known, the newest first
seconds = st.sampled_from([0.0, 1.0, 5.0, 10.0])
memories = st.lists(st.builds(Memory, key=st.sampled_from(["m1", "m2", "m3"]), record=st.binary(max_size=3)), max_size=2).map(tuple)

Make = Callable[["AgainstDicts"], Job[Any] | None]


def with_hold(job: Callable[..., Job[Any]], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Make]:
    """Jobs of somebody who has an item, or had it."""

    def made(place: int, given: dict[str, Any]) -> Make:
        return lambda machine: job(hold=machine.holds[-1 - place % len(machine.holds)], **given) if machine.holds else None

    return st.builds(made, places, st.fixed_dictionaries(fields))


def with_ticket(job: Callable[..., Job[Any]]) -> st.SearchStrategy[Make]:
    """Jobs on a ticket that was given."""
    return st.builds(
        lambda place: lambda machine: job(ticket=machine.tickets[-1 - place % len(machine.tickets)]) if machine.tickets else None, places
    )


def settled(place: int, cost_nano: int, answer: str, posted: tuple[Memory, ...]) -> Make:
    def made(machine: "AgainstDicts") -> Job[Any] | None:
        if not machine.tickets:
            return None
        ticket = machine.tickets[-1 - place % len(machine.tickets)]
        intend = machine.plain.bills[ticket - 1].intend
        paid = Call(
            key=intend.key,
            place=CallPlace(item=intend.hold.item, step=1, expert="reasoning"),
            lane=intend.lane,
            answer=answer,
            usage=Usage(input_tokens=cost_nano, output_tokens=1),
            cost_nano=cost_nano,
            seconds=0.5,
        )
        return Settle(ticket=ticket, call=paid, memories=posted)

    return made


def plainly(jobs: st.SearchStrategy[Any]) -> st.SearchStrategy[Make]:
    return jobs.map(lambda job: lambda _: job)


def intended(place: int, key: str, lane: str, worst_nano: int, copy: int) -> Make:
    def made(machine: "AgainstDicts") -> Job[Any] | None:
        if not machine.holds:
            return None
        hold = machine.holds[-1 - place % len(machine.holds)]
        return Intend(hold=hold, key=f"{hold.item}/{key}", lane=lane, worst_nano=worst_nano, copy=copy)

    return made


claims = plainly(st.builds(Claim, worker=st.sampled_from(["v", "w"]), count=st.integers(0, 3), lease_s=seconds.filter(bool)))
intents = st.builds(intended, places, keys, lanes, st.integers(0, 40), st.integers(0, 1))
settles = st.builds(settled, places, st.integers(0, 40), st.text(max_size=5), memories)
outcomes = st.builds(Outcome, answer=st.text(max_size=5), lane=lanes, agreement=st.none() | st.floats(0, 1))
jobs = st.one_of(
    claims,
    claims,
    intents,
    intents,
    settles,
    settles,
    with_hold(Complete, outcome=outcomes, memories=memories),
    with_hold(Fail, reason=st.text(max_size=5), rest_s=seconds, too_dear=st.booleans()),
    with_hold(Release, rest_s=seconds),
    with_hold(lambda hold, lease_s: Extend(holds=(hold,), lease_s=lease_s), lease_s=seconds),
    with_ticket(Discard),
    with_ticket(Forfeit),
    plainly(st.builds(Charge, lane=lanes, nano=st.integers(0, 20), why=st.sampled_from(["hour 1", "hour 2"]))),
    plainly(st.builds(SetCap, cap_nano=st.none() | st.integers(0, 300))),
    plainly(st.builds(Tell, key=keys, kind=st.just("Kind"), message=st.text(max_size=5))),
    plainly(st.builds(Sent, numbers=st.lists(st.integers(1, 3), max_size=2).map(tuple))),
)


class AgainstDicts(RuleBasedStateMachine):
    """Does the same to a ledger and to dicts, and compares what they answer and know."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.plain = Plain(max_attempts=MAX_ATTEMPTS)
        self.now, self.seen = 1000.0, None
        self.holds, self.tickets = list[Hold](), list[int]()
        self.ledger = Ledger(path, run="r", cap_nano=None, max_attempts=MAX_ATTEMPTS)

    @initialize()
    def begin(self) -> None:
        self.commit([Load(questions=tuple(Question(id=name, text=name) for name in NAMES))])

    @rule(some=st.lists(jobs, min_size=1, max_size=6))
    def group(self, some: list[Make]) -> None:
        self.commit([job for make in some if (job := make(self))])

    @rule(passed=st.sampled_from([1.0, 1.0, 4.0, 9.0, -100.0]))
    def passing(self, passed: float) -> None:
        self.now += passed
        self.commit([])

    @rule()
    def restart(self) -> None:
        """Time in which nothing was done is not written down; the dicts take it from the ledger."""
        self.ledger.close()
        self.ledger = Ledger(self.path, run="r", cap_nano=self.plain.cap_nano, max_attempts=MAX_ATTEMPTS)
        self.seen = None
        assert self.ledger._age <= self.plain.age
        self.plain.age = self.ledger._age
        self.plain.lapse()  # as at every commit, of which one opens a ledger

    @invariant()
    def the_same(self) -> None:
        assert self.ledger.sums == self.plain.sums()
        assert self.ledger.check() == ()
        reader = self.ledger.reader()
        assert {item.question.id: (item.state, item.attempts, item.outcome) for item in reader.items()} == {
            name: (item.state, item.attempts, item.outcome) for name, item in self.plain.items.items()
        }
        assert {each.key: each for _, each in reader.calls()} == self.plain.calls
        waiting = [(key, record) for key, record in self.plain.outbox.items() if record is not None]
        assert [(each.key, each.record) for _, each in reader.waiting(9)] == waiting
        assert [event.key for event in reader.events()] == self.plain.events
        reader.close()

    def commit(self, some: Sequence[Job[Any]]) -> None:
        self.plain.age += max(0.0, self.now - (self.now if self.seen is None else self.seen))
        self.plain.now = self.seen = self.now
        self.plain.lapse()
        done = self.ledger.commit(some, now=self.now)
        assert list(done) == [self.plain.do(job) for job in some]
        for outcome in done:
            if isinstance(outcome, Reserved):
                self.tickets.append(outcome.ticket)
            if isinstance(outcome, tuple):
                self.holds += [lease.hold for lease in outcome if isinstance(lease, Lease)]

    def teardown(self) -> None:
        self.restart()
        self.the_same()
        self.ledger.close()


def test_a_ledger_is_dicts(tmp_path: Path) -> None:
    """Any sequence of groups, times and restarts leaves a ledger with what dicts would hold, and every answer is what they would say."""
    numbers = iter(range(10**6))

    class AgainstNew(AgainstDicts):
        def __init__(self) -> None:
            super().__init__(tmp_path / f"{next(numbers)}.db")

    limits = settings(max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    run_state_machine_as_test(AgainstNew, settings=limits)
