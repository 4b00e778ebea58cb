"""What an agent makes of the exit codes of its ranks: the contract with the planner."""

import pytest
from tandem_trainer.worker.ranks import exit_code


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ((0, 0), 0),
        ((143, 143), 143),
        ((0, 143), 143),
        ((137, 1), 137),  # the first to fall says why; the others fall because it is gone
        ((1, 143), 1),
        ((1, 93), 93),  # whatever else happened, trying again cannot help
    ],
)
def test_the_agent_says_what_its_ranks_mean(codes: tuple[int, ...], expected: int) -> None:
    """Done if all are done, preempted if any is, failed with the first failure, never again if any rank says so."""
    assert exit_code(codes) == expected
