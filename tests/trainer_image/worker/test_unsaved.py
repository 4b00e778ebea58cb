"""A checkpoint that was lost is made up for by a later one, and by nothing else."""

from datetime import UTC, datetime

import pytest
from tandem_trainer.checkpoint.commit import Committed
from tandem_trainer.link import Snapshot
from tandem_trainer.worker.unsaved import Unsaved
from tandem_trainer.worker.uploads import Kept, Saved


def _taken(step: int, rank: int) -> Snapshot:
    return Snapshot(rank=rank, step=step, claim=1, generation=step, bytes=1, loss=1.0, tokens=step, blocked_seconds=0.0, layout=())


def saved(step: int, rank: int = 0, problem: str = "") -> Saved:
    """A part."""
    return Saved(snapshot=_taken(step, rank), problem=problem)


def kept(step: int, problem: str = "") -> Kept:
    """A whole checkpoint."""
    committed = None if problem else Committed(step=step, key="", uri="", bytes=1, at=datetime.now(UTC))
    return Kept(snapshot=_taken(step, 0), committed=committed, problem=problem)


@pytest.mark.parametrize(
    ("heard", "problem"),
    [
        ([saved(5), saved(5, 1), kept(5)], ""),
        ([saved(5, 0, "full"), saved(5, 1)], "full"),  # the other rank's part is of no use alone
        ([saved(5, 1, "full"), saved(5), kept(5, "a part is missing")], "full"),
        ([saved(5), saved(10, 1, "full"), kept(5)], "full"),  # one that took long ends after a later one was lost
        ([saved(5, 1, "full"), saved(10), saved(10, 1), kept(10)], ""),
        ([saved(10, 0, "full"), kept(5, "a part is missing"), kept(7)], "full"),  # commits come long after the parts
        ([kept(5, "no quorum"), saved(10)], "no quorum"),
        ([kept(5, "no quorum"), saved(10), kept(10)], ""),
    ],
)
def test_who_leads_goes_by_whole_checkpoints(heard: list[Saved | Kept], problem: str) -> None:
    """A part that is safe says nothing of the rest."""
    unsaved = Unsaved(leads=True)
    for result in heard:
        unsaved.hear(result)
    assert unsaved.problem == problem


@pytest.mark.parametrize(
    ("heard", "problem"),
    [
        ([saved(5, 2, "full"), saved(5, 3)], "full"),
        ([saved(5, 2, "full"), saved(10, 3)], "full"),
        ([saved(5, 2, "full"), saved(10, 2)], ""),
        ([saved(5, 2, "full"), saved(10, 2, "fuller"), saved(10, 3)], "fuller"),
    ],
)
def test_others_go_by_the_parts_of_their_ranks(heard: list[Saved | Kept], problem: str) -> None:
    """They are not told what becomes of the whole."""
    unsaved = Unsaved(leads=False)
    for result in heard:
        unsaved.hear(result)
    assert unsaved.problem == problem
