"""What the memory is told of an outcome."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tandem.memory.v1 import memory_pb2 as wire
from tandem_memory.client import Record, Verified
from tandem_reasoning.coordinator.job import Keeping, MemoryJob
from tandem_reasoning.coordinator.memory import kept
from tandem_reasoning.coordinator.memory.found import Found, digest
from tandem_reasoning.coordinator.memory.kept import Said
from tandem_reasoning.values import Question

SAID = Said(
    run_uid="run-1",
    question=Question(id="q7", text="What is it?", kind="logic"),
    answer="so",
    lane="local",
    model="small",
    agreement=1.0,
    voters=3,
    lanes_agree=None,
    right=None,
    strategy=("Look twice.",),
    cost_nano=1_500,
    found=(),
)
VOUCHED = MemoryJob()
NEAR = Found(id="3", question="What is it, then?", answer="So.", strategy=(), source="cloud", similarity=0.98)


def record(said: Said, manner: MemoryJob = VOUCHED) -> Record:
    """As the memory gets it."""
    return Record.of(wire.Record.FromString(kept.record(said, manner).record))


def test_a_record_says_all_of_it() -> None:
    """Question, answer, how, whose, of which run and kind, agreement, price, and who vouches for it."""
    made = record(SAID)
    assert (made.question, made.answer, tuple(made.strategy)) == ("What is it?", "so", ("Look twice.",))
    assert (made.source, made.model) == ("local", "small")
    assert (made.agreement, made.verified, made.cost_usd) == (1.0, Verified.AGREEMENT, Decimal("0.0000015"))
    assert list(made.tags) == ["run:run-1", "kind:logic"]
    assert made.source_hash == digest("run-1", "what is it")


@pytest.mark.parametrize(
    ("said", "verified"),
    [
        (SAID, Verified.AGREEMENT),
        (replace(SAID, agreement=0.75), Verified.NONE),
        (replace(SAID, agreement=None, voters=1), Verified.NONE),
        (replace(SAID, agreement=None, voters=1, lanes_agree=True), Verified.AGREEMENT),
        (replace(SAID, agreement=None, voters=1, lanes_agree=False), Verified.NONE),
        (replace(SAID, agreement=0.4, right=True), Verified.LABEL),
        (replace(SAID, found=(NEAR,)), Verified.NONE),
        (replace(SAID, found=(replace(NEAR, answer="not so"),)), Verified.AGREEMENT),
        (replace(SAID, found=(replace(NEAR, similarity=0.9),)), Verified.AGREEMENT),
    ],
)
def test_who_vouches(said: Said, verified: Verified) -> None:
    """A label, all experts, or the other lane; nobody for what the memory has already, so that it is not found twice."""
    assert record(said).verified is verified
    assert record(said).answer == "so"


def test_what_is_wrong_is_kept_as_a_warning() -> None:
    """Its answer goes, what to beware of stays; where nothing is left to be said, nobody vouches for it."""
    wrong = record(replace(SAID, right=False))
    assert (wrong.answer, tuple(wrong.strategy), wrong.verified, wrong.score) == ("", ("Beware: Look twice.",), Verified.LABEL, 0.0)
    assert record(replace(SAID, right=False, strategy=())).verified is Verified.NONE


def test_all_is_kept_where_the_job_says_so() -> None:
    """Also the answer that is wrong."""
    made = record(replace(SAID, right=False), MemoryJob(keeping=Keeping.ALL))
    assert (made.answer, tuple(made.strategy)) == ("so", ("Look twice.",))


def test_keys_name_the_item_of_the_run() -> None:
    """The same outcome has the same keys, another item or run others; none is longer than the memory takes."""
    long = replace(SAID, question=replace(SAID.question, id="q" * 500))
    others = [SAID, long, replace(SAID, run_uid="run-2")]
    assert record(SAID).key == record(replace(SAID, answer="no")).key
    assert len({record(each).key for each in others}) == 3
    assert {len(record(each).key) for each in others} == {64}
    judged = [wire.Judged.FromString(kept.gain(each, NEAR, -0.5).record) for each in others]
    assert len({each.key for each in judged}) == 3
    assert (judged[0].id, judged[0].gain, judged[0].source) == ("3", -0.5, "local")
    assert kept.gain(SAID, NEAR, 0.5).key != kept.gain(SAID, replace(NEAR, id="4"), 0.5).key
