"""A call in the books, from the intent to the record."""

import pytest
from tandem_reasoning.ledger import (
    Books,
    Charge,
    Claim,
    Discard,
    Extend,
    Fail,
    Forfeit,
    Ledger,
    OverBudget,
    Recorded,
    Release,
    Reserved,
    SetCap,
    Settled,
    Stale,
    TicketError,
)

from .asking import LEASE_S, OpenLedger, call, claim, complete, intend, load, one, reserve, settle


@pytest.fixture
def ledger(open_ledger: OpenLedger) -> Ledger:
    """One with a cap of 100, and two items."""
    ledger = open_ledger(cap_nano=100)
    load(ledger, "a", "b")
    return ledger


def test_a_call_is_paid_once(ledger: Ledger, open_ledger: OpenLedger) -> None:
    """The worst case is set aside, the cost is spent, and who asks again gets the record, also after a restart."""
    hold = one(ledger).hold
    ticket = reserve(ledger, hold, "k")
    assert ledger.sums.total == Books(reserved_nano=10)
    paid = call("k", "a")
    assert settle(ledger, ticket, paid) == Settled(recorded=True)
    spent = Books(spent_nano=5, calls=1, input_tokens=3, output_tokens=2)
    assert ledger.sums.lanes == {"cloud": spent}
    ledger = open_ledger(cap_nano=100)
    assert ledger.sums.total == spent
    assert ledger.do(intend(hold, "k"), now=0) == Recorded(call=paid)
    assert ledger.reader().recorded("k") == paid
    assert ledger.reader().recorded("other") is None


def test_who_is_started_anew_pays_for_what_went_before(ledger: Ledger) -> None:
    """A worker that was killed while it called is given its item again, under the same fence: the call that it sent is taken to be spent.

    The same call is then made under a ticket of its own. Under the first one it would be charged for twice, and be booked once.
    """
    before = one(ledger)
    sent = reserve(ledger, before.hold, "k")
    (again,) = ledger.do(Claim(worker="w", count=1, lease_s=LEASE_S, has=frozenset()), now=1)
    assert again.hold == before.hold
    assert ledger.sums.total == Books(spent_nano=10, unconfirmed_nano=10, unconfirmed_calls=1)
    ticket = reserve(ledger, again.hold, "k")
    assert ticket != sent
    assert settle(ledger, ticket, call("k", "a")) == Settled(recorded=True)
    assert ledger.sums.total == Books(spent_nano=15, unconfirmed_nano=10, unconfirmed_calls=1, calls=1, input_tokens=3, output_tokens=2)
    assert settle(ledger, sent, call("k", "a")) == Settled(recorded=False, rebilled_nano=5)  # its process lives after all


def test_the_cap(ledger: Ledger) -> None:
    """What might cost more than is left is refused; whether waiting helps is said."""
    hold = one(ledger).hold
    reserve(ledger, hold, "k1", worst_nano=60)
    refused = ledger.do(intend(hold, "k2", worst_nano=41), now=0)
    assert refused == OverBudget(worst_nano=41, spent_nano=0, reserved_nano=60, cap_nano=100)
    assert refused.may_pass_later
    ticket = reserve(ledger, hold, "k2", worst_nano=40)
    settle(ledger, ticket, call("k2", "a", cost_nano=40))
    refused = ledger.do(intend(hold, "k3", worst_nano=61), now=0)
    assert isinstance(refused, OverBudget)
    assert not refused.may_pass_later
    ledger.do(SetCap(cap_nano=161), now=0)
    reserve(ledger, hold, "k3", worst_nano=61)
    ledger.do(SetCap(cap_nano=None), now=0)
    reserve(ledger, hold, "k4", worst_nano=10**15)


def test_a_group_does_not_pass_the_cap(ledger: Ledger) -> None:
    """Intents of one group see what is set aside before them in it."""
    hold = one(ledger).hold
    outcomes = ledger.commit([intend(hold, str(number), worst_nano=30) for number in range(5)], now=0)
    assert [isinstance(each, Reserved) for each in outcomes] == [True, True, True, False, False]
    assert ledger.sums.total.reserved_nano == 90


def test_an_intent_whose_answer_was_lost(ledger: Ledger) -> None:
    """Asked again it is the same ticket, and set aside once; a copy of the call, or another lane, is another."""
    hold = one(ledger).hold
    ticket = reserve(ledger, hold, "k")
    assert reserve(ledger, hold, "k") == ticket
    assert ledger.sums.total.reserved_nano == 10
    assert len({ticket, reserve(ledger, hold, "k", copy=1), reserve(ledger, hold, "k", lane="local")}) == 3
    assert ledger.sums.total.reserved_nano == 30


def test_an_intent_of_who_has_the_item_no_longer(ledger: Ledger) -> None:
    """It is told the fence that counts, and nothing is set aside; neither for a lease that ran out, until it is extended."""
    hold = one(ledger).hold
    ledger.do(Claim(worker="v", count=0, lease_s=9), now=LEASE_S)
    assert ledger.do(intend(hold, "k"), now=LEASE_S) == Stale(item="a", fence=hold.fence)
    new = one(ledger, now=LEASE_S).hold
    assert ledger.do(intend(hold, "k"), now=LEASE_S) == Stale(item="a", fence=new.fence)
    assert ledger.sums.total == Books()


def test_nothing_was_sent(ledger: Ledger) -> None:
    """A discarded call costs nothing, once."""
    ticket = reserve(ledger, one(ledger).hold, "k")
    assert ledger.do(Discard(ticket=ticket), now=0)
    assert not ledger.do(Discard(ticket=ticket), now=0)
    assert ledger.sums.total == Books()


def test_a_lost_answer_is_spent(ledger: Ledger) -> None:
    """A call that was sent and not heard of costs its worst case and is unconfirmed; another may be made for its key."""
    hold = one(ledger).hold
    ticket = reserve(ledger, hold, "k")
    assert ledger.do(Forfeit(ticket=ticket), now=0)
    assert not ledger.do(Forfeit(ticket=ticket), now=0)
    assert ledger.sums.total == Books(spent_nano=10, unconfirmed_nano=10, unconfirmed_calls=1)
    assert reserve(ledger, hold, "k") != ticket


ENDS = {
    "the lease runs out": lambda _: Claim(worker="v", count=0, lease_s=9),
    "the item is released": lambda hold: Release(hold=hold),
    "the attempt fails": lambda hold: Fail(hold=hold, reason="r"),
    "the item is completed": complete,
}


@pytest.mark.parametrize("end", ENDS)
def test_open_calls_of_a_lease_that_ends(ledger: Ledger, end: str) -> None:
    """Nobody is known to tell their end any more: they are taken to be spent in full."""
    hold, other = (lease.hold for lease in claim(ledger, 2))
    reserve(ledger, hold, "k1")
    settle(ledger, reserve(ledger, hold, "k2"), call("k2", "a"))
    elsewhere = reserve(ledger, other, "k3", lane="local", worst_nano=20)
    ledger.do(Forfeit(ticket=elsewhere), now=0)
    ledger.do(ENDS[end](hold), now=LEASE_S)
    assert ledger.sums.lanes["cloud"] == Books(
        spent_nano=15, unconfirmed_nano=10, unconfirmed_calls=1, calls=1, input_tokens=3, output_tokens=2
    )
    assert ledger.sums.lanes["local"] == Books(spent_nano=20, unconfirmed_nano=20, unconfirmed_calls=1)


def test_money_of_who_was_not_heard_of(ledger: Ledger) -> None:
    """What a dead worker set aside stops being so when its lease runs out, though nobody claims: who waits for it hears that."""
    dead, alive = (lease.hold for lease in claim(ledger, 2))
    ledger.do(Extend(holds=(alive,), lease_s=10 * LEASE_S), now=0)
    reserve(ledger, dead, "k1", worst_nano=60)
    waiting = intend(alive, "k2", worst_nano=50)
    assert ledger.do(waiting, now=LEASE_S - 1) == OverBudget(worst_nano=50, spent_nano=0, reserved_nano=60, cap_nano=100)
    told = ledger.do(waiting, now=LEASE_S)
    assert told == OverBudget(worst_nano=50, spent_nano=60, reserved_nano=0, cap_nano=100)
    assert not told.may_pass_later


@pytest.mark.parametrize("cost_nano", [0, 5, 10])
def test_the_answer_comes_after_all(ledger: Ledger, cost_nano: int) -> None:
    """A late settle replaces the worst case by the cost, is recorded whoever has the item, and the spend only falls."""
    ticket = reserve(ledger, one(ledger).hold, "k")
    one(ledger, now=LEASE_S, worker="v")
    assert ledger.sums.total.spent_nano == 10
    assert settle(ledger, ticket, call("k", "a", cost_nano)) == Settled(recorded=True)
    assert ledger.sums.total == Books(spent_nano=cost_nano, calls=1, input_tokens=3, output_tokens=2)


def test_nothing_was_sent_after_all(ledger: Ledger) -> None:
    """A late discard frees what was taken to be spent; after a settle it changes nothing."""
    hold = one(ledger).hold
    lost, paid = reserve(ledger, hold, "k1"), reserve(ledger, hold, "k2")
    settle(ledger, paid, call("k2", "a"))
    one(ledger, now=LEASE_S, worker="v")
    assert ledger.do(Discard(ticket=lost), now=LEASE_S)
    assert not ledger.do(Discard(ticket=paid), now=LEASE_S)
    assert ledger.sums.total == Books(spent_nano=5, calls=1, input_tokens=3, output_tokens=2)


def test_a_discarded_call_that_was_answered(ledger: Ledger) -> None:
    """What was paid is booked and recorded, even if it was said before that nothing was sent."""
    ticket = reserve(ledger, one(ledger).hold, "k")
    ledger.do(Discard(ticket=ticket), now=0)
    assert settle(ledger, ticket, call("k", "a")).recorded
    assert ledger.sums.total.spent_nano == 5


def test_a_call_that_was_paid_twice(ledger: Ledger) -> None:
    """The second bill of a key, from a hedge or from who had the item before, is spent and told; the record stays the first."""
    old = one(ledger).hold
    first = reserve(ledger, old, "k")
    new = one(ledger, now=LEASE_S, worker="v").hold
    second, hedge = reserve(ledger, new, "k"), reserve(ledger, new, "k", lane="local", worst_nano=1)
    assert settle(ledger, second, call("k", "a", 4, answer="of the new one")) == Settled(recorded=True)
    assert settle(ledger, first, call("k", "a", 6, answer="of the old one")) == Settled(recorded=False, rebilled_nano=6)
    assert settle(ledger, hedge, call("k", "a", 1, lane="local")) == Settled(recorded=False, rebilled_nano=1)
    total = ledger.sums.total
    assert (total.spent_nano, total.rebilled_nano, total.rebilled_calls, total.calls) == (11, 7, 2, 1)
    (recorded,) = ledger.reader().calls_of("a")
    assert recorded.answer == "of the new one"


def test_a_settle_whose_answer_was_lost(ledger: Ledger) -> None:
    """Said again it changes nothing, and says what it said."""
    hold = one(ledger).hold
    first, second = reserve(ledger, hold, "k"), reserve(ledger, hold, "k", copy=1)
    for ticket, recorded in ((first, True), (second, False)):
        settle(ledger, ticket, call("k", "a"))
        before = ledger.sums
        assert settle(ledger, ticket, call("k", "a")) == Settled(recorded=recorded, repeated=True)
        assert ledger.sums == before


def test_a_worst_case_that_was_not(ledger: Ledger) -> None:
    """A call that cost more than was set aside is booked as what it cost, and by how much is told."""
    ticket = reserve(ledger, one(ledger).hold, "k")
    assert settle(ledger, ticket, call("k", "a", cost_nano=13)) == Settled(recorded=True, excess_nano=3)
    assert ledger.sums.total.spent_nano == 13


def test_a_wrong_ticket(ledger: Ledger) -> None:
    """A ticket of another call, or of none, is refused and books nothing."""
    ticket = reserve(ledger, one(ledger).hold, "k")
    with pytest.raises(TicketError, match="call k, not for other"):
        settle(ledger, ticket, call("other", "a"))
    for job in (Discard(ticket=99), Forfeit(ticket=99)):
        with pytest.raises(TicketError, match="99"):
            ledger.do(job, now=0)
    assert ledger.sums.total == Books(reserved_nano=10)


def test_what_a_lane_costs_beside_calls(ledger: Ledger) -> None:
    """Hours are booked once for each lane and reason, count as spent, and are refused by no cap."""
    hour = Charge(lane="local", nano=90, why="hour 1")
    assert ledger.do(hour, now=0)
    assert not ledger.do(hour, now=0)
    assert ledger.do(Charge(lane="cloud", nano=30, why="hour 1"), now=0)
    assert ledger.sums.lanes["local"] == Books(spent_nano=90, charged_nano=90)
    assert isinstance(ledger.do(intend(one(ledger).hold, "k", worst_nano=1), now=0), OverBudget)


def test_a_cap_of_nothing(open_ledger: OpenLedger) -> None:
    """With nothing to spend, calls that cost nothing are still made."""
    ledger = open_ledger(cap_nano=0)
    load(ledger, "a")
    hold = one(ledger).hold
    assert isinstance(ledger.do(intend(hold, "k", worst_nano=1), now=0), OverBudget)
    assert isinstance(ledger.do(intend(hold, "k", worst_nano=0), now=0), Reserved)


def test_calls_that_cost_nothing_go_on_when_more_was_spent_than_may_be(ledger: Ledger) -> None:
    """As after an hour that was charged, or a cap that was lowered: the local lane still finishes the run."""
    hold = one(ledger).hold
    ledger.do(Charge(lane="cloud", nano=150, why="hour 1"), now=0)
    assert isinstance(ledger.do(intend(hold, "k", worst_nano=1), now=0), OverBudget)
    assert isinstance(ledger.do(intend(hold, "k", worst_nano=0, lane="local"), now=0), Reserved)


def test_half_a_character(ledger: Ledger) -> None:
    """Text of a model that UTF-8 does not know is kept as far as it can be: it was paid for."""
    ticket = reserve(ledger, one(ledger).hold, "k")
    settle(ledger, ticket, call("k", "a", answer="it is \ud83d, \U0001f600, \0 and é"))
    recorded = ledger.reader().recorded("k")
    assert recorded is not None
    assert recorded.answer == "it is \ufffd, \U0001f600, \0 and é"


def test_what_cannot_be_kept_harms_nobody(ledger: Ledger) -> None:
    """A job that SQLite does not take is refused alone; the others of its group are done once."""
    hold = one(ledger).hold
    jobs = [intend(hold, "k1"), intend(hold, "\ud83d"), intend(hold, "k2", worst_nano=2**70), intend(hold, "k3")]
    ledger.do(SetCap(cap_nano=None), now=0)
    first, half, large, last = ledger.commit(jobs, now=0)
    assert isinstance(first, Reserved)
    assert isinstance(last, Reserved)
    assert isinstance(half, UnicodeEncodeError)
    assert isinstance(large, OverflowError)
    assert ledger.sums.total == Books(reserved_nano=20)
