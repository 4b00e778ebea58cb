"""A failed run that a person asks for again: what is kept, what is forgiven, and who may do it."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from tandem_operator.api.dual_status import DualRunStatus
from tandem_operator.api.status import CheckpointStatus, RunPhase, RunStatus
from tandem_operator.local.state import revival, wanted
from tandem_operator.local.state.run_folder import DualFolder, RunFolder, StateError
from tandem_operator.plan.training_run import plan
from tandem_operator.plan.values import Seen

from tests.operator.plan.dual.runs import dual

NOW = datetime(2026, 11, 1, tzinfo=UTC)
FAILED = RunStatus(
    phase=RunPhase.FAILED,
    reason="NoProgress",
    message="2 failures in a row at step 30",
    attempt=3,
    workers=1,
    failures=2,
    no_progress=2,
    failed_at_step=30,
    preemptions=1,
    started_at=NOW,
    finished_at=NOW,
    start_after=NOW,
    fell_at=NOW,
    spent_usd=Decimal("1.25"),
    step=30,
    lost_steps=4,
    checkpoint=CheckpointStatus(step=20, uri="file:///x", at=NOW),
)
Folders = Callable[..., RunFolder]


def test_what_it_did_and_cost_stays_and_what_it_failed_for_is_forgiven() -> None:
    """Attempt, spend, steps and checkpoint are facts; failures were counted for a mandate that is over."""
    rest = revival.at_rest(FAILED)
    kept = ("attempt", "preemptions", "started_at", "spent_usd", "step", "lost_steps", "checkpoint")
    assert {name: getattr(rest, name) for name in kept} == {name: getattr(FAILED, name) for name in kept}
    assert (rest.phase, rest.failures, rest.no_progress, rest.failed_at_step) == (RunPhase.SUSPENDED, 0, 0, None)
    assert (rest.finished_at, rest.start_after, rest.fell_at) == (None, None, None)
    assert "NoProgress: 2 failures in a row at step 30" in rest.message


def test_the_planner_takes_it_from_there(folders: Folders) -> None:
    """The next attempt follows, and its number was never given before."""
    folder = folders()
    folder.write_status(FAILED)
    assert revival.revive(folder)
    after = plan(folder.run(), Seen(), NOW).status
    assert (after.phase, after.reason, after.attempt) == (RunPhase.PENDING, "Resumed", 4)
    assert [happened.event.reason for happened in folder.events()] == ["AskedAgain"]


def test_a_deadline_that_is_still_over_fails_it_again_with_its_message(folders: Folders) -> None:
    """Going on needs a longer one."""
    folder = folders(deadline="1s")
    folder.write_status(FAILED)
    revival.revive(folder)
    after = plan(folder.run(), Seen(), datetime(2026, 11, 2, tzinfo=UTC)).status
    assert (after.phase, after.reason) == (RunPhase.FAILED, "DeadlineExceeded")
    assert "spec.deadline" in after.message


@pytest.mark.parametrize("phase", [phase for phase in RunPhase if phase is not RunPhase.FAILED])
def test_only_a_failed_run_is_revived(folders: Folders, phase: RunPhase) -> None:
    """A status in any other phase is left as it is."""
    folder = folders()
    status = FAILED.model_copy(update={"phase": phase})
    folder.write_status(status)
    assert not revival.revive(folder)
    assert folder.status() == status


@pytest.mark.parametrize("phase", [RunPhase.STOPPING, RunPhase.SUCCEEDED])
def test_a_pair_that_gave_questions_up_is_revived_once_it_has_ended(tmp_path: Path, phase: RunPhase) -> None:
    """Not while its parts are still leaving; then its questions that were given up count as none, or it would be over at once."""
    folder = DualFolder(tmp_path / "pair")
    wanted.apply_file(folder, dual(), NOW)
    status = DualRunStatus(phase=phase, reason="PartialFailure", message="2 given up", attempt=1, total=20, done=18, failed=2)
    folder.write_status(status)
    assert revival.revive(folder) is (phase is RunPhase.SUCCEEDED)
    after = folder.status()
    assert (after.phase, after.failed) == ((RunPhase.SUSPENDED, 0) if phase is RunPhase.SUCCEEDED else (phase, 2))
    assert (after.total, after.done, after.attempt) == (20, 18, 1)


def test_a_run_that_another_process_holds_is_not_touched(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner is named when it does not leave."""
    folder = folders()
    folder.write_status(FAILED)
    monkeypatch.setattr(revival, "_PATIENCE_S", 0)
    with folder.ownership() as lock:
        assert lock.take()
        with pytest.raises(StateError, match=f"held by process {lock.holder()}"):
            revival.revive(folder)
    assert folder.status() == FAILED
