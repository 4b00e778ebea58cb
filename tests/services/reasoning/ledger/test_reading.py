"""What people, scores and the shared memory read of a ledger."""

from tandem_reasoning.ledger import (
    Complete,
    Decision,
    Fail,
    Ledger,
    Memory,
    Outcome,
    Recollect,
    Recollection,
    Sent,
    State,
    Tell,
)

from .asking import OpenLedger, call, claim, complete, load, reserve, settle


def test_outcomes_in_order(ledger: Ledger) -> None:
    """All that was decided of an item is read back as it was written, page by page, in the order that items were loaded."""
    load(ledger, "c", "a", "b")
    leases = claim(ledger, 3)
    decision = Decision(policy="Knn", choice="cloud", propensity=0.05)
    outcome = Outcome(answer="é", lane="cloud", agreement=0.75, decision=decision, detail='{"votes": 6}')
    ledger.do(Complete(hold=leases[2].hold, outcome=outcome), now=3)
    ledger.do(complete(leases[0].hold, "no", "local"), now=4)
    ledger.do(Fail(hold=leases[1].hold, reason="too long"), now=5)
    reader = ledger.reader()
    first, last = reader.items(state=State.DONE)
    assert (first.question.id, first.outcome) == ("c", Outcome(answer="no", lane="local"))
    assert (last.question.id, last.outcome) == ("b", outcome)
    assert [item.question.id for item in reader.items(after=1, most=1)] == ["a"]
    (waiting,) = reader.items(state=State.READY)
    assert (waiting.position, waiting.reason, waiting.attempts, waiting.worker, waiting.outcome) == (2, "too long", 1, "w", None)
    assert reader.items(after=3) == ()
    assert reader.item("z") is None
    assert ledger.sums.items == {(State.DONE, "cloud"): 1, (State.DONE, "local"): 1, (State.READY, ""): 1}


def test_calls_page_by_page(ledger: Ledger) -> None:
    """Calls come in the order that they were recorded; those of an item together."""
    load(ledger, "a", "b")
    first, second = (lease.hold for lease in claim(ledger, 2))
    calls = [call(f"k{number}", hold.item) for number, hold in enumerate([first, second, first])]
    for hold, each in zip([first, second, first], calls, strict=True):
        settle(ledger, reserve(ledger, hold, each.key), each)
    reader = ledger.reader()
    page = reader.calls(most=2)
    assert [each for _, each in page] == calls[:2]
    assert [each for _, each in reader.calls(after=page[-1][0])] == calls[2:]
    assert reader.calls_of("a") == (calls[0], calls[2])


def test_a_step_recalls_once(open_ledger: OpenLedger) -> None:
    """What was recalled first for a step counts whenever the step is asked for again, also over a restart."""
    ledger = open_ledger()
    load(ledger, "a", "b")
    first = ledger.do(Recollect(item="b", step=1, shown=True, records='["x"]'), now=1)
    assert first == Recollection(number=1, step=1, shown=True, records='["x"]')
    second = ledger.do(Recollect(item="b", step=2, shown=False, records="[]"), now=1)
    ledger = open_ledger()
    assert ledger.do(Recollect(item="b", step=1, shown=False, records='["y"]'), now=2) == first
    assert ledger.reader().recollections("b") == (first, second)
    assert ledger.reader().recollections("a") == ()


def test_events_are_told_once(open_ledger: OpenLedger) -> None:
    """A transition is written down the first time that it is told, also over a restart."""
    ledger = open_ledger()
    budget = Tell(key="budget/80", kind="BudgetWarning", message="80 % of the budget is spent")
    assert ledger.do(budget, now=7)
    ledger = open_ledger()
    assert not ledger.do(budget, now=8)
    assert ledger.do(Tell(key="budget/95", kind="BudgetWarning", message="95 %"), now=9)
    first, last = ledger.reader().events()
    assert (first.key, first.at, first.kind, first.message) == (budget.key, 7, budget.kind, budget.message)
    assert ledger.reader().events(after=first.number) == (last,)


def test_the_outbox(open_ledger: OpenLedger) -> None:
    """A record waits from the moment that what it tells of is durable until the memory has it, and is never put in again."""
    ledger = open_ledger()
    load(ledger, "a")
    (lease,) = claim(ledger)
    of_call, of_item = Memory(key="m1", record=b"\0call"), Memory(key="m2", record=b"item")
    ticket = reserve(ledger, lease.hold, "k")
    settle(ledger, ticket, call("k", "a"), of_call)
    settle(ledger, ticket, call("k", "a"), of_call)
    ledger.do(complete(lease.hold, "yes", "cloud", of_item, of_call), now=0)
    ledger = open_ledger()
    (number, first), (_, second) = ledger.reader().waiting(9)
    assert (first, second) == (of_call, of_item)
    ledger.commit([Sent(numbers=(number, 99)), Sent(numbers=(number,))], now=0)
    assert [each for _, each in ledger.reader().waiting(9)] == [of_item]
    load(ledger, "b")
    (later,) = claim(ledger)
    ledger.do(complete(later.hold, "yes", "cloud", of_call), now=0)
    assert [each for _, each in ledger.reader().waiting(9)] == [of_item]


def test_what_is_refused_tells_nobody(ledger: Ledger) -> None:
    """A stale completion leaves nothing in the outbox."""
    load(ledger, "a")
    (old,) = claim(ledger)
    claim(ledger, now=1000, worker="v")
    ledger.commit([complete(old.hold, "yes", "cloud", Memory(key="m", record=b"r"))], now=1000)
    assert ledger.reader().waiting(9) == ()


def test_a_long_look_holds_nobody_up(ledger: Ledger) -> None:
    """Commits go on while somebody is in the middle of reading, who sees the ledger as it was."""
    load(ledger, *map(str, range(300)))
    reader = ledger.reader()
    rows = reader._connection.execute("SELECT state FROM item")
    assert rows.fetchone() == ("ready",)
    for _ in range(30):
        claim(ledger, 10)
    assert {state for (state,) in rows} == {"ready"}
    assert {item.state for item in reader.items(most=300)} == {State.LEASED}
