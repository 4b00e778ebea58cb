"""Kills writers at random moments, and finds out what became of what they had acknowledged.

python -m tests.services.memory.store.killing FOLDER --kills 200
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from tandem_memory.embedded import Embedded

from tests.services.memory.driven import Driven

ROOT = Path(__file__).parents[4]
ROUND = 20  # kills
LONGEST_S = 0.3  # that they write before they are killed
PATIENCE_S = 300  # to open a store, on a machine that is shared


@dataclass(kw_only=True)
class Toll:
    """What was counted over all kills."""

    kills: int = 0
    acknowledged: int = 0
    unacknowledged: int = 0  # written, though nobody heard of it: that may be
    lost: int = 0
    twice: int = 0
    findings: int = 0


class Forge:
    """Where crowds of writers begin, and are killed."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.services.memory.store.writers"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def kill_once(self, folder: Path, turn: int, after_s: float) -> dict[str, str]:
        """Let 32 writers write for a while, kill them, and return the ids by key that they had acknowledged."""
        said, patience = folder.with_name(f"{folder.name}-said-{turn}"), time.monotonic() + PATIENCE_S
        writers = self._ordered(str(folder), str(turn), str(said))
        while not said.exists() or not said.stat().st_size:
            assert time.monotonic() < patience, "they never opened the store"
            time.sleep(0.001)
        time.sleep(after_s)
        os.kill(writers, signal.SIGKILL)
        assert self._answer() == -signal.SIGKILL
        opened, *lines = said.read_bytes().splitlines(keepends=True)
        assert opened == b"ready\n"
        return dict(line.decode().split() for line in lines if line.endswith(b"\n"))

    def _ordered(self, *order: str) -> int:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> int:
        assert self._process.stdout
        return int(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def look(folder: Path, acknowledged: dict[str, str], toll: Toll) -> None:
    """Count what is there, and what is not as it was acknowledged."""
    memory = Driven(lambda: Embedded(folder))
    try:
        records = memory.scan(limit=1000)
        there = {each.key: each for each in records}
        toll.acknowledged, toll.unacknowledged = len(acknowledged), len(there) - len(acknowledged)
        toll.lost += sum(key not in there or there[key].id != identifier for key, identifier in acknowledged.items())
        toll.twice += len(records) - len(there)
        toll.lost += sum(not each.answer.startswith(f"answer to {key} ") for key, each in there.items())
        count, findings = memory.check()
        toll.findings += len(findings) + abs(count - len(records))
    finally:
        memory.close()


def kill(folder: Path, kills: int, *, look_every: int, seed: int) -> Iterator[Toll]:
    """Kill so often, and look every so many times and at the end: what was counted of each round.

    Each has a store of its own, so that it grows no larger than 20 times of writing make it.
    """
    luck = random.Random(seed)
    with Forge() as forge:
        for first in range(0, kills, ROUND):
            toll, acknowledged = Toll(), dict[str, str]()
            for turn in range(first, min(first + ROUND, kills)):
                acknowledged |= forge.kill_once(folder / f"{first}", turn, luck.uniform(0, LONGEST_S))
                toll.kills += 1
                if toll.kills % look_every == 0 or turn == kills - 1:
                    look(folder / f"{first}", acknowledged, toll)
            yield toll


def main() -> None:
    """Print a line for each round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    for toll in kill(asked.folder, asked.kills, look_every=5, seed=asked.seed):
        print(json.dumps(asdict(toll)), flush=True)


if __name__ == "__main__":
    main()
