"""One pass over a ledger gives all of it, as it was at one moment."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tandem_reasoning.ledger import Begun, Charge, Discard, Fail, Ledger, Review, State, Tell

from tests.services.reasoning.ledger.asking import call, claim, complete, load, reserve, settle


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "ledger.sqlite", run="r", cap_nano=1000)
    yield made
    made.close()


def test_each_question_comes_with_its_calls(ledger: Ledger, tmp_path: Path) -> None:
    """Questions come in the order that they were loaded, each with the calls made for it and no other, and with when it was answered."""
    load(ledger, "c", "a", "b")
    held = {lease.hold.item: lease.hold for lease in claim(ledger, 3)}
    calls = [call(f"k{number}", item) for number, item in enumerate("bcb")]
    for each in calls:
        settle(ledger, reserve(ledger, held[each.place.item], each.key), each)
    ledger.do(complete(held["b"], "yes", "cloud"), now=7)
    ledger.do(Fail(hold=held["c"], reason="too long"), now=8)
    review = Review(tmp_path / "ledger.sqlite")
    found = list(review.questions())
    review.close()
    assert [(each.question.id, each.state, each.at, each.reason) for each in found] == [
        ("c", State.READY, None, "too long"),
        ("a", State.LEASED, None, ""),
        ("b", State.DONE, 7, ""),
    ]
    assert [each.calls for each in found] == [(calls[1],), (), (calls[0], calls[2])]


def test_what_was_begun_is_told_apart(ledger: Ledger, tmp_path: Path) -> None:
    """A call that was made beside another is a hedge, one of the same key after it another try; what was freed cost nothing."""
    load(ledger, "a")
    (lease,) = claim(ledger)
    first = reserve(ledger, lease.hold, "k")
    ledger.do(Discard(ticket=first), now=0)
    again = reserve(ledger, lease.hold, "k")
    reserve(ledger, lease.hold, "k", copy=1)
    settle(ledger, again, call("k", "a"))
    reserve(ledger, lease.hold, "other", lane="local")
    review = Review(tmp_path / "ledger.sqlite")
    begun = review.begun()
    review.close()
    assert begun == (
        Begun(lane="cloud", calls=3, hedges=1, again=1, freed=1),
        Begun(lane="local", calls=1, hedges=0, again=0, freed=0),
    )


def test_a_review_is_of_one_moment(ledger: Ledger, tmp_path: Path) -> None:
    """What is written after a review was opened is not in it, and it does not hold the writer up."""
    load(ledger, "a")
    ledger.do(Charge(lane="local", nano=9, why="hour 1"), now=3)
    ledger.do(Tell(key="one", kind="LaneOpen", message="-"), now=4)
    review = Review(tmp_path / "ledger.sqlite")
    load(ledger, "b")
    ledger.do(Charge(lane="local", nano=9, why="hour 2"), now=5)
    assert [each.question.id for each in review.questions()] == ["a"]
    assert review.charges() == ((3, "local", 9),)
    assert [(each.kind, each.count) for each in review.events()] == [("LaneOpen", 1)]
    assert (review.sums.total.charged_nano, review.sums.cap_nano, review.run_uid) == (9, 1000, "r")
    review.close()
