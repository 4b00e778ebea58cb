"""What is said of a run when it has ended."""

from datetime import UTC, datetime

from tandem_operator.api.status import RunPhase
from tandem_operator.cli.show import ending

from tests.operator.plan.world import run_of


def test_updates_that_were_left_out_are_said_where_a_run_ends() -> None:
    """However well it looks; nothing is said where there were none."""
    run, now = run_of(), datetime(2026, 11, 1, tzinfo=UTC)
    done = {"phase": RunPhase.SUCCEEDED, "loss": 5.7683, "started_at": now, "finished_at": now}
    said = [ending._how(run.model_copy(update={"status": run.status.model_copy(update={**done, "refused_updates": n})})) for n in (1200, 0)]
    assert "loss 5.7683, 1,200 updates left out, " in said[0]
    assert "left out" not in said[1]
