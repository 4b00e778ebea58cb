"""Writers that are killed at any moment."""

import os
from pathlib import Path

import pytest

from .killing import kill

PARTS = 4
KILLS = int(os.environ.get("TANDEM_KILLS", "200")) // PARTS


@pytest.mark.parametrize("seed", range(PARTS))
def test_nothing_acknowledged_is_lost(tmp_path: Path, seed: int) -> None:
    """Of 32 writers that are killed again and again, every acknowledged record is there, once, whole, under its id; the log has no gap.

    `TANDEM_KILLS` says how often in all.
    """
    tolls = [*kill(tmp_path, KILLS, look_every=10, seed=seed)]
    assert sum(toll.kills for toll in tolls) == KILLS
    assert sum(toll.acknowledged for toll in tolls) > 5 * KILLS
    assert [(toll.lost, toll.twice, toll.findings) for toll in tolls] == [(0, 0, 0)] * len(tolls)
