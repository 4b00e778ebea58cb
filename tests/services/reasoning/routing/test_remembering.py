"""What the shared memory takes in and gives up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_reasoning.routing.remembering import harm
from tandem_reasoning.routing.remembering.admission import Proposed, Verified, admitted
from tandem_reasoning.routing.remembering.eviction import Kept, evicted, harmful
from tandem_reasoning.scores.score import Interval, Score


@pytest.mark.parametrize(
    ("proposed", "verified", "pitfall"),
    [
        (Proposed(agreement=0.5, voters=8, label_right=True, judged_right=False), Verified.LABEL, False),
        (Proposed(agreement=1.0, voters=8, label_right=False), Verified.LABEL, True),
        (Proposed(agreement=0.5, voters=8, judged_right=True), Verified.JUDGE, False),
        (Proposed(agreement=1.0, voters=2), Verified.AGREEMENT, False),
        (Proposed(agreement=1.0, voters=1), None, False),
        (Proposed(agreement=0.99, voters=8), None, False),
        (Proposed(agreement=1.0, voters=8, nearest=0.97), None, False),
        (Proposed(agreement=1.0, voters=8, nearest=0.99, label_right=False), Verified.LABEL, True),
    ],
)
def test_somebody_must_vouch_for_a_record(proposed: Proposed, verified: Verified | None, pitfall: object) -> None:
    """A label before a judge before agreement of at least two; nothing twice; what is wrong only as something to beware of."""
    admission = admitted(proposed)
    assert admission.admitted == (verified is not None)
    assert admission.verified == (verified or Verified.NONE)
    assert admission.pitfall == pitfall
    assert admission.reason.endswith(".")


@given(
    st.lists(
        st.builds(Kept, id=st.text(max_size=3), times=st.integers(0, 6), gain=st.floats(-3, 3), last_used=st.integers(0, 9)),
        unique_by=lambda each: each.id,
        max_size=12,
    ),
    st.integers(0, 12),
)
def test_harm_goes_first_then_what_was_recalled_longest_ago(records: list[Kept], keep: int) -> None:
    """All that is harmful, and of the rest no more than is needed; what stays was not recalled before what goes."""
    gone = set(evicted(records, keep=keep))
    harming = {record.id for record in records if harmful(record)}
    assert harming <= gone
    staying = [record for record in records if record.id not in gone]
    assert len(staying) == min(keep, len(records) - len(harming))
    going = [record for record in records if record.id in gone - harming]
    assert all(one.last_used <= other.last_used for one in going for other in staying)


def test_one_bad_day_is_no_harm() -> None:
    """Three uses with a loss in sum are."""
    assert not harmful(Kept(id="a", times=2, gain=-2))
    assert harmful(Kept(id="a", times=3, gain=-0.1))
    assert not harmful(Kept(id="a", times=3, gain=0))


@pytest.mark.parametrize(
    ("interval", "held_out", "off"),
    [
        (Interval(-0.3, -0.01), 20, True),
        (Interval(-0.3, 0.0), 20, False),
        (Interval(-0.3, -0.01), 19, False),
        (None, 99, False),
    ],
)
def test_memory_is_turned_off_when_it_is_known_to_do_harm(interval: Interval | None, held_out: int, off: object) -> None:
    """The whole interval below nothing, from at least twenty items without memory."""
    lift = Score(name="crossLaneLift", value=-0.1, items=400, formula="", interval=interval, parts={"held out": float(held_out)})
    assert harm.harmful(lift) == off
