"""Who gets which item, and for how long."""

import pytest
from tandem_reasoning.ledger import (
    ChangedQuestionError,
    Claim,
    Completed,
    Extend,
    Fail,
    Failed,
    Hold,
    Ledger,
    LedgerError,
    Load,
    Release,
    Retried,
    Stale,
    State,
)

from .asking import LEASE_S, OpenLedger, claim, complete, load, one, question


def ids(leases: tuple) -> list[str]:
    return [lease.hold.item for lease in leases]


def test_questions_are_loaded_once(ledger: Ledger) -> None:
    """The same set may be loaded again, also a longer one; items keep their places."""
    assert load(ledger, "b", "a") == 2
    assert load(ledger, "a", "c", "b") == 1
    assert load(ledger, "a", "c", "b") == 0
    (first, *others) = claim(ledger, 9)
    assert first.question == question("b")
    assert ids((first, *others)) == ["b", "a", "c"]


@pytest.mark.parametrize("changed", [question("a", "another"), question("a").__class__(id="a", text="what is a?", answer="43", kind="k")])
def test_a_question_does_not_change(ledger: Ledger, changed: object) -> None:
    """Another text or answer under an id that is there is refused by naming the id, and nothing of that set is taken in."""
    load(ledger, "a")
    with pytest.raises(ChangedQuestionError, match=r"^question 'a' [^\n]*$"):
        ledger.do(Load(questions=(question("new"), changed)), now=0)  # type: ignore[arg-type]
    assert ids(claim(ledger, 9)) == ["a"]


def test_a_set_that_names_two_questions_alike(ledger: Ledger) -> None:
    """One id for two questions in a set is refused; the same question twice is one."""
    with pytest.raises(ChangedQuestionError, match="'a'"):
        ledger.do(Load(questions=(question("a"), question("a", "another"))), now=0)
    assert load(ledger, "a", "a") == 1


def test_an_item_is_handed_out_once(ledger: Ledger) -> None:
    """While a lease runs, nobody else gets the item; when it has run out, it is taken over with a higher fence."""
    load(ledger, "a", "b")
    (first,) = claim(ledger, now=100)
    assert (first.until, first.attempts) == (100 + LEASE_S, 1)
    assert ids(claim(ledger, 9, now=100)) == ["b"]
    assert claim(ledger, 9, now=100 + LEASE_S - 1) == ()
    (again, _) = claim(ledger, 9, now=100 + LEASE_S, worker="v")
    assert (again.hold.item, again.attempts) == ("a", 2)
    assert again.hold.fence > first.hold.fence


def test_who_comes_late_changes_nothing(ledger: Ledger) -> None:
    """Whatever the holder of an older fence says is answered with the fence that counts, and the item stays as it is."""
    load(ledger, "a")
    old = one(ledger).hold
    new = one(ledger, now=LEASE_S, worker="v").hold
    stale = Stale(item="a", fence=new.fence)
    jobs = [Release(hold=old), Fail(hold=old, reason="r"), complete(old), Extend(holds=(old,), lease_s=9)]
    assert list(ledger.commit(jobs, now=LEASE_S)) == [stale, stale, stale, (stale,)]
    assert ledger.do(complete(new), now=LEASE_S) == Completed()
    assert ledger.do(complete(old), now=LEASE_S) == stale


def test_a_lease_that_ran_out_and_nobody_took(ledger: Ledger) -> None:
    """A slow holder may still extend or complete while nobody else has come."""
    load(ledger, "a", "b", "c")
    leases = claim(ledger, 3)
    ledger.do(Claim(worker="v", count=0, lease_s=9), now=LEASE_S)  # which ends all three leases
    assert ledger.sums.count(State.READY) == 3
    assert ledger.do(complete(leases[0].hold), now=LEASE_S) == Completed()
    assert ledger.do(Extend(holds=(leases[1].hold,), lease_s=LEASE_S), now=LEASE_S) == ()
    assert ids(claim(ledger, 9, now=LEASE_S)) == ["c"]


def test_extending(ledger: Ledger) -> None:
    """An extended lease lasts from now on; to extend by less than is left shortens nothing."""
    load(ledger, "a")
    hold = one(ledger).hold
    assert ledger.do(Extend(holds=(hold,), lease_s=LEASE_S), now=50) == ()
    assert ledger.do(Extend(holds=(hold,), lease_s=1), now=51) == ()
    assert claim(ledger, now=50 + LEASE_S - 1) == ()
    assert ids(claim(ledger, now=50 + LEASE_S)) == ["a"]


def test_releasing(ledger: Ledger) -> None:
    """Who gives an item back gives its attempt back, and has no say any more; it can be left to rest."""
    load(ledger, "a")
    hold = one(ledger).hold
    assert ledger.do(Release(hold=hold, rest_s=10), now=0) is None
    assert ledger.do(Release(hold=hold), now=0) == Stale(item="a", fence=hold.fence + 1)
    assert isinstance(ledger.do(complete(hold), now=0), Stale)
    assert claim(ledger, now=9) == ()
    assert one(ledger, now=10).attempts == 1


def test_a_poisoned_item(open_ledger: OpenLedger) -> None:
    """After so many attempts an item has failed, with the last reason, and is not handed out again."""
    ledger = open_ledger(max_attempts=2)
    load(ledger, "a")
    assert ledger.do(Fail(hold=one(ledger).hold, reason="first", rest_s=10), now=0) == Retried(attempts=1)
    assert claim(ledger, now=9) == ()
    last = one(ledger, now=10).hold
    assert ledger.do(Fail(hold=last, reason="second"), now=10) == Failed(reason="second")
    assert claim(ledger, now=1000) == ()
    assert isinstance(ledger.do(complete(last), now=10), Stale)
    item = ledger.reader().item("a")
    assert item is not None
    assert (item.state, item.reason) == (State.FAILED, "second")
    assert ledger.sums.items == {(State.FAILED, ""): 1}


def test_an_item_that_was_too_dear_is_tried_again_when_there_is_more_money(open_ledger: OpenLedger) -> None:
    """As often as at first; with as much or less it stays as it is, and so does one that failed for another reason."""
    ledger = open_ledger(max_attempts=1, cap_nano=100)
    load(ledger, "dear", "poisoned")
    dear, poisoned = (lease.hold for lease in claim(ledger, 2))
    ledger.do(Fail(hold=dear, reason="$5", too_dear=True), now=0)
    ledger.do(Fail(hold=poisoned, reason="no answer"), now=0)
    for cap_nano in (100, 50):
        assert claim(open_ledger(max_attempts=1, cap_nano=cap_nano)) == ()
    ledger = open_ledger(max_attempts=1, cap_nano=51)
    assert ledger.sums.items == {(State.READY, ""): 1, (State.FAILED, ""): 1}
    assert isinstance(ledger.do(complete(dear), now=0), Stale)
    again = one(ledger)
    assert (again.hold.item, again.attempts) == ("dear", 1)
    ledger.do(Fail(hold=again.hold, reason="$5", too_dear=True), now=0)
    ledger = open_ledger(max_attempts=1, cap_nano=None)
    assert ids(claim(ledger)) == ["dear"]
    assert ledger.check() == ()


def test_an_item_that_ends_its_workers(open_ledger: OpenLedger) -> None:
    """Attempts whose worker was never heard of again count, and the reason says so."""
    ledger = open_ledger(max_attempts=2)
    load(ledger, "a")
    one(ledger, now=0)
    last = one(ledger, now=LEASE_S, worker="v").hold
    assert claim(ledger, now=2 * LEASE_S) == ()
    item = ledger.reader().item("a")
    assert item is not None
    assert (item.state, item.reason) == (State.FAILED, "worker v was not heard of any more; attempt 2 of 2")
    assert isinstance(ledger.do(complete(last), now=2 * LEASE_S), Stale)


def test_a_clock_that_goes_back(open_ledger: OpenLedger) -> None:
    """A lease lasts for its seconds whatever the clock says: going back ends none, and makes none last for ever."""
    ledger = open_ledger()
    load(ledger, "a")
    one(ledger, now=1_000_000)
    assert claim(ledger, now=10) == ()
    assert claim(ledger, now=10 + LEASE_S - 1) == ()
    assert ids(claim(ledger, now=10 + LEASE_S)) == ["a"]
    ledger = open_ledger()
    assert claim(ledger, now=5) == ()
    assert ids(claim(ledger, now=5 + LEASE_S)) == ["a"]


def test_time_without_a_coordinator(open_ledger: OpenLedger) -> None:
    """While the ledger is closed nobody can extend a lease, so none runs out."""
    ledger = open_ledger()
    load(ledger, "a")
    hold = one(ledger, now=0).hold
    ledger = open_ledger()
    assert claim(ledger, now=1_000_000) == ()
    assert ledger.do(complete(hold), now=1_000_000) == Completed()


def test_an_answer_that_was_lost(ledger: Ledger) -> None:
    """What a worker was given and never heard of is given to it again at once, under the same fence and as the same attempt."""
    load(ledger, "a", "b", "c", "d")
    known, unheard = claim(ledger, 2)
    claim(ledger, 1, worker="v")
    asked = Claim(worker="w", count=2, lease_s=LEASE_S, has=frozenset({known.hold.item}))
    again, new = ledger.do(asked, now=50)
    assert (again.hold, again.attempts, again.until) == (unheard.hold, 1, 50 + LEASE_S)
    assert new.hold.item == "d"
    ledger.do(Extend(holds=(known.hold, new.hold), lease_s=LEASE_S), now=50)
    assert ids(claim(ledger, 9, now=50 + LEASE_S - 1)) == ["c"]  # which v has let run out


def test_to_complete_twice(ledger: Ledger) -> None:
    """A completion whose answer was lost may be said again, and counts once."""
    load(ledger, "a")
    hold = one(ledger).hold
    assert ledger.do(complete(hold, "first"), now=0) == Completed()
    assert ledger.do(complete(hold, "second"), now=0) == Completed(repeated=True)
    item = ledger.reader().item("a")
    assert item is not None
    assert item.outcome is not None
    assert item.outcome.answer == "first"


def test_an_item_that_is_not_there(ledger: Ledger) -> None:
    """Its name is said, and others of the group are done."""
    load(ledger, "a")
    hold = one(ledger).hold
    refused, done = ledger.commit([complete(Hold(item="z", fence=1)), complete(hold)], now=0)
    assert isinstance(refused, LedgerError)
    assert "'z'" in str(refused)
    assert done == Completed()
