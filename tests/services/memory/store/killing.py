"""Kills writers at random moments, and finds out what became of what they had acknowledged.

python -m tests.services.memory.store.killing FOLDER --kills 200
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tandem_memory.embedded import Embedded

from tests.services.memory.driven import Driven

ROOT = Path(__file__).parents[4]
ROUND = 20  # kills


@dataclass(kw_only=True)
class Toll:
    """What was counted over all kills."""

    kills: int = 0
    acknowledged: int = 0
    unacknowledged: int = 0  # written, though nobody heard of it: that may be
    lost: int = 0
    twice: int = 0
    findings: int = 0


def kill_once(folder: Path, turn: int, after_s: float) -> dict[str, str]:
    """Let 32 writers write for a while, kill them, and return the ids by key that they had acknowledged."""
    command = [sys.executable, "-m", "tests.services.memory.store.writers", str(folder), str(turn)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as writers:
        assert writers.stdout
        assert writers.stdout.readline() == b"ready\n"
        time.sleep(after_s)
        writers.send_signal(signal.SIGKILL)
        said = writers.stdout.read()
    assert writers.returncode == -signal.SIGKILL
    lines = said[: said.rfind(b"\n") + 1].decode().splitlines()
    return dict(line.split(" ") for line in lines)


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


def kill(folder: Path, kills: int, *, look_every: int, seed: int) -> Toll:
    """Kill so often, and look every so many times and at the end."""
    luck, toll, acknowledged = random.Random(seed), Toll(), dict[str, str]()
    for turn in range(kills):
        acknowledged |= kill_once(folder, turn, luck.uniform(0, 0.3))
        toll.kills += 1
        if toll.kills % look_every == 0 or toll.kills == kills:
            look(folder, acknowledged, toll)
    return toll


def main() -> None:
    """Print a line for each round, in a store of its own, so that it grows no larger than 20 times of writing make it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    for number in range(-(-asked.kills // ROUND)):
        kills = min(ROUND, asked.kills - number * ROUND)
        toll = kill(asked.folder / str(number), kills, look_every=5, seed=asked.seed + number)
        print(json.dumps(asdict(toll)), flush=True)


if __name__ == "__main__":
    main()
