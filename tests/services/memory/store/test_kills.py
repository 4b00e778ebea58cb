"""Writers that are killed at any moment."""

import os
from pathlib import Path

from .killing import kill


def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    """Of 32 writers that are killed again and again, every acknowledged record is there, once, whole, under its id; the log has no gap.

    `TANDEM_KILLS` says how often.
    """
    toll = kill(tmp_path / "memory", int(os.environ.get("TANDEM_KILLS", "20")), look_every=5, seed=0)
    assert toll.acknowledged > 100
    assert (toll.lost, toll.twice, toll.findings) == (0, 0, 0)
