"""How a run stands, as it is written for people and read again."""

from decimal import Decimal

import pytest
from tandem_operator.api.dual_status import DualRunStatus
from tandem_operator.api.status import Condition, RunPhase, RunStatus

AT = "2026-01-01T00:00:00Z"
BOTH = pytest.mark.parametrize("kind", [RunStatus, DualRunStatus])


def untrue(kind: str, reason: str) -> Condition:
    return Condition.model_validate({"type": kind, "status": "False", "reason": reason, "last_transition_time": AT})


@BOTH
def test_the_word_that_says_most(kind: type[RunStatus | DualRunStatus]) -> None:
    """What is to be corrected, then what workers wait for, then why the run is where it is; a wait that is over says nothing."""
    status, waits = kind(reason="Preempted"), untrue("Scheduled", "NoCapacity")
    assert status.why == "Preempted"
    assert status.model_copy(update={"conditions": (waits,)}).why == "NoCapacity"
    assert status.model_copy(update={"conditions": (waits,), "phase": RunPhase.FAILED}).why == "Preempted"
    refused = status.model_copy(update={"conditions": (waits, untrue("Accepted", "NotAccepted")), "phase": RunPhase.RUNNING})
    assert refused.why == "NotAccepted"


@BOTH
def test_what_is_written_is_read_again(kind: type[RunStatus | DualRunStatus]) -> None:
    """With dollars that people can read beside those that are counted; fields of a newer operator are passed over."""
    status = kind(spent_usd=Decimal("12.345678901234"), reason="Accepted")
    written = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert (written["spent"], written["spentUsd"], written["why"]) == ("$12.35", "12.345678901234", "Accepted")
    assert kind.model_validate({**written, "ofTomorrow": 1}, by_alias=True, by_name=False) == status


@pytest.mark.parametrize(
    ("status", "progress"),
    [
        (RunStatus(step=1, total_steps=200), "0%"),
        (RunStatus(step=199, total_steps=200), "99%"),
        (RunStatus(step=200, total_steps=200), "100%"),
        (RunStatus(step=300, total_steps=200), "100%"),
        (DualRunStatus(done=1, failed=2, total=6), "50%"),
    ],
)
def test_how_far_a_run_has_come(status: RunStatus | DualRunStatus, progress: str) -> None:
    """Full percent, so that 100% is the end; questions that were given up are done with, and steps may be cut to fewer than were made."""
    assert status.model_dump(mode="json", by_alias=True, exclude_none=True)["progress"] == progress


@BOTH
def test_how_far_a_run_has_come_that_nobody_has_counted(kind: type[RunStatus | DualRunStatus]) -> None:
    """Nothing is said of it."""
    assert "progress" not in kind().model_dump(mode="json", by_alias=True, exclude_none=True)
