"""Events as the API has them."""

from datetime import UTC, datetime

from tandem_operator.cluster.deeds.happened import event
from tandem_operator.cluster.paths import TRAINING_RUN
from tandem_operator.plan.values import Event

NOW = datetime(2026, 11, 28, tzinfo=UTC)


def test_a_note_is_cut_where_the_api_would_refuse_it() -> None:
    """It counts bytes, of which a character of most languages takes more than one; none is cut in half."""
    note = event(Event.warning("TrainerFailed", "é" * 600 + "€" * 600), TRAINING_RUN, ("team", "r"), "u", NOW)["note"]
    assert len(note.encode()) in {1022, 1023, 1024}
    assert set(note) <= {"é", "€"}


def test_the_same_is_told_once() -> None:
    """Its name is that of the change: the run, the moment and the reason."""
    names = {event(Event.normal(reason, "said"), TRAINING_RUN, ("team", "r"), "u", NOW)["metadata"]["name"] for reason in ("A", "B", "A")}
    assert len(names) == 2
