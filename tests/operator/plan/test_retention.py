"""How long a finished run is kept."""

from datetime import timedelta

import pytest
from tandem_operator.plan.policies import retention
from tandem_operator.plan.values import Seen, SeenWorker

from .world import START, run_of

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("kept_s", "after", "over"),
    [(60, MINUTE, True), (60, MINUTE / 2, False), (0, MINUTE * 0, True), (None, 1000 * MINUTE, False)],
)
def test_a_run_is_over_when_its_time_is(kept_s: int | None, after: timedelta, over: bool) -> None:  # noqa: FBT001 -- a column of the table
    """A minute after its end, at once, or never."""
    run = run_of(**({} if kept_s is None else {"ttlSecondsAfterFinished": kept_s}))
    ended = run.model_copy(update={"status": run.status.model_copy(update={"finished_at": START})})
    assert retention.over(ended, Seen(), START + after) is over
    assert retention.over(run, Seen(), START + after) is False


def test_a_run_of_which_something_lives_is_not_removed() -> None:
    """Whoever removed it would leave workers behind that nobody looks after."""
    run = run_of(ttlSecondsAfterFinished=0)
    ended = run.model_copy(update={"status": run.status.model_copy(update={"finished_at": START})})
    straggler = SeenWorker(name="r-1-0", attempt=1, rank=0, since=START)
    assert not retention.over(ended, Seen(workers=(straggler,)), START + MINUTE)
