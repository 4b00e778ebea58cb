"""What is logged of a decision, and read again by a replay."""

from dataclasses import replace

import pytest
from tandem_reasoning.routing.decision import Arm, Decision, Mode
from tandem_reasoning.routing.replay import choice

DECISIONS = (
    Decision(lanes=("local",), mode=Mode.VOTE, reason="", seen={Arm.VOTE: 1.0}),
    Decision(lanes=("local",), mode=Mode.VOTE, reason="", seen={Arm.VOTE: 1.0}, spared=True),
    Decision(lanes=("cloud",), mode=Mode.SINGLE, reason="", seen={Arm.CLOUD: 1.0}, instead=True),
    Decision(lanes=("cloud",), mode=Mode.SINGLE, reason="", seen={Arm.CLOUD: 0.25, Arm.LOCAL: 0.75}, propensity=0.25),
    Decision(lanes=("a", "b"), mode=Mode.CASCADE, reason="", escalate_below=0.75, seen={Arm.VOTE: 1.0, Arm.CLOUD: 0.05}, propensity=0.95),
    Decision(lanes=("a", "b"), mode=Mode.CASCADE, reason="", compare=True, escalate_below=0.0, seen=dict.fromkeys(Arm, 1.0)),
)


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_decision_is_read_as_it_was_written(decision: Decision) -> None:
    """All that a replay rests on comes back."""
    told = choice.read(choice.written(decision), propensity=decision.propensity)
    assert told is not None
    assert replace(told, reason="") == decision


def test_a_choice_without_chances_was_certain_of_what_it_saw() -> None:
    """Ledgers of earlier versions name mode and lanes only."""
    told = choice.read("Cascade:local,cloud:compared")
    assert told is not None
    assert (told.mode, told.lanes, told.compare, told.seen) == (Mode.CASCADE, ("local", "cloud"), True, dict.fromkeys(Arm, 1.0))


@pytest.mark.parametrize("text", ["cloud", "Guess:local", "Vote:local below=much", "Vote:local Everybody=1"])
def test_what_is_no_choice_is_none(text: str) -> None:
    """Other tools may have written a ledger's decisions in words of their own: no replay rests on those."""
    assert choice.read(text) is None
