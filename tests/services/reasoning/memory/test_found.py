"""Which records of a search a step is shown."""

import pytest
from tandem_memory.client import Hit, Record, Verified
from tandem_reasoning.coordinator.job import Keeping, MemoryJob
from tandem_reasoning.coordinator.memory import found

RUN, OTHER = "run-1", "run-2"
VOUCHED, ALL = MemoryJob(), MemoryJob(keeping=Keeping.ALL)


def hit(similarity: float = 0.9, run: str = OTHER, **more: object) -> Hit:
    """A record of a run that all experts agreed on."""
    known = {"question": "what is it?", "answer": "so", "verified": Verified.AGREEMENT, "agreement": 1.0, "id": "7", "tags": [f"run:{run}"]}
    return Hit(record=Record(**{**known, **more}), similarity=similarity)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "vouched", "all_"),
    [
        (hit(), True, True),
        (hit(agreement=0.75), False, True),
        (hit(agreement=None), False, True),
        (hit(verified=Verified.LABEL, agreement=0.5), True, True),
        (hit(similarity=0.2), False, False),
        (hit(similarity=0.98), True, True),
        (hit(similarity=0.98, run=RUN), False, False),
        (hit(similarity=0.92, run=RUN), True, True),
        (hit(similarity=0.5), False, False),
        (hit(similarity=0.5, strategy=["Look twice."]), True, True),
        (hit(similarity=0.2, strategy=["Look twice."]), False, False),
        (hit(verified=Verified.LABEL, answer="", strategy=["Beware: of the sea"]), True, True),
        (hit(verified=Verified.LABEL, answer=""), False, False),
    ],
)
def test_what_is_shown(one: Hit, vouched: object, all_: object) -> None:
    """Near enough, agreed on by enough, with something to say, and not the same question of this run in other words."""
    assert bool(found.chosen([one], VOUCHED, RUN)) == vouched
    assert bool(found.chosen([one], ALL, RUN)) == all_


def test_the_nearest_that_fits_is_shown() -> None:
    """One record, and the next where the nearest is left out; as many as the job says."""
    hits = [hit(0.98, run=RUN, id="1"), hit(0.9, id="2"), hit(0.8, id="3", strategy=["Look twice."])]
    assert [each.id for each in found.chosen(hits, VOUCHED, RUN)] == ["2"]
    assert [each.id for each in found.chosen(hits, MemoryJob(top_k=5), RUN)] == ["2", "3"]


def test_an_answer_belongs_to_its_question() -> None:
    """Of the same question question and answer are shown; of one that is merely alike only how its answer was come by."""
    same, alike = found.chosen([hit(0.95, strategy=["a"]), hit(0.8, strategy=["b"])], MemoryJob(top_k=2), RUN)
    assert (same.question, same.answer, same.strategy) == ("what is it?", "so", ("a",))
    assert (alike.question, alike.answer, alike.strategy) == ("", "", ("b",))


def test_what_is_asked_for() -> None:
    """Only what somebody vouches for and did no harm, and never the same question of the same run, however it is spelt."""
    asked = found.wanted(VOUCHED, RUN, "What is it?")
    assert set(asked.verified) == {Verified.LABEL, Verified.JUDGE, Verified.AGREEMENT}
    assert asked.min_utility == 0
    assert asked.not_source_hash == found.digest(RUN, "what is it") != found.digest(OTHER, "What is it?")
    everything = found.wanted(ALL, RUN, "What is it?")
    assert (tuple(everything.verified), everything.min_utility) == ((), None)
    assert everything.not_source_hash == asked.not_source_hash


def test_what_is_kept_in_the_books() -> None:
    """It is read back as it was written, whatever is in it."""
    records = found.chosen([hit(answer='é"\n', strategy=["a", "b"])], VOUCHED, RUN)
    assert found.read(found.written(records)) == records
    assert found.read(found.written(())) == found.read(found.AWAY) == ()
