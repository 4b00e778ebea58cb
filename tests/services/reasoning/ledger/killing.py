"""Kills a coordinator and its workers at random moments until all is done, and finds out what became of items, calls and money.

python -m tests.services.reasoning.ledger.killing FOLDER --kills 100
"""

import argparse
import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tandem_reasoning.ledger import Ledger, Reader, State, Sums, verify

from .working import LEASE_S, OVER, WORST_NANO

ROOT = Path(__file__).parents[4]
PATIENCE_S = 800  # for what takes seconds on an idle machine
BUSY = 1000  # bytes that the lane was told since somebody was killed: about ten calls
LEAST_OF_A_CALL = 40  # bytes


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What runs, and how often somebody is killed."""

    kills: int
    items: int
    calls: int = 4
    workers: int = 4
    tasks: int = 4
    latency_s: float = 0.01
    cap_nano: int | None = None
    between_s: float = 0.05
    seed: int = 0


@dataclass(kw_only=True)
class Toll:
    """What was counted."""

    kills: dict[str, int] = field(default_factory=dict)
    lost: int = 0  # items or calls that were acknowledged and are not there, or not at all
    twice: int = 0
    made_again: int = 0  # calls that were begun after their record was acknowledged, and paid
    paid_nano: int = 0  # as the lane says
    paid_calls: int = 0
    findings: tuple[str, ...] = ()


class Processes:
    """The coordinator (number 0) and its workers."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._folder, self._plan = folder, plan
        self._running = dict[int, subprocess.Popen[bytes]]()
        self._started = 0

    def start(self, number: int) -> None:
        plan, self._started = self._plan, self._started + 1
        if number == 0:
            arguments = ["coordinating", str(self._folder), f"--items={plan.items}"]
            arguments += [] if plan.cap_nano is None else [f"--cap={plan.cap_nano}"]
        else:
            name = f"{number}.{self._started}"
            arguments = [
                "working",
                str(self._folder),
                name,
                f"--tasks={plan.tasks}",
                f"--calls={plan.calls}",
                f"--latency={plan.latency_s}",
            ]
        module = f"tests.services.reasoning.ledger.{arguments[0]}"
        self._running[number] = subprocess.Popen([sys.executable, "-m", module, *arguments[1:]], cwd=ROOT)

    def kill(self, number: int) -> int:
        """End a process at once, and wait for its end; its exit code."""
        process = self._running[number]
        process.send_signal(signal.SIGKILL)
        return process.wait()

    def ended(self) -> list[int | None]:
        """How the workers have ended, so far."""
        return [process.poll() for number, process in self._running.items() if number]


@contextmanager
def running(folder: Path, plan: Plan) -> Iterator[Processes]:
    processes = Processes(folder, plan)
    try:
        for number in range(plan.workers + 1):
            processes.start(number)
        yield processes
    finally:
        for number in range(plan.workers + 1):
            processes.kill(number)


def over(folder: Path, processes: Processes) -> bool:
    """Whether every item is done, or every worker has found the budget used up."""
    ended = processes.ended()
    assert set(ended) <= {None, OVER}, ended
    if None not in ended:
        return True
    if not (folder / "ledger.db").exists():
        return False
    with closing(sqlite3.connect(f"file:{folder / 'ledger.db'}?mode=ro", uri=True)) as connection:
        try:
            (left, all_) = connection.execute("SELECT total(state <> 'done'), count(*) FROM item").fetchone()
        except sqlite3.OperationalError:
            return False  # it is just being begun
    return bool(all_) and not left


def said(folder: Path) -> int:
    """Bytes that the lane was told: they grow while work is done."""
    lane = folder / "lane"
    return lane.stat().st_size if lane.exists() else 0


def allow(folder: Path, most: int | None) -> None:
    """Have workers begin no call once the lane was told so many bytes: what is to be killed waits for it, however late that comes."""
    (folder / "beside").write_text("" if most is None else str(most))
    (folder / "beside").rename(folder / "allowed")


def kill(folder: Path, plan: Plan) -> Toll:
    """Kill so often, each time in the middle of work, then let the rest be done, and count."""
    luck, toll = random.Random(plan.seed), Toll()
    patience, before = time.monotonic() + PATIENCE_S, 0
    calls = plan.items * plan.calls if plan.cap_nano is None else plan.cap_nano // WORST_NANO
    between = max(2 * BUSY, calls * LEAST_OF_A_CALL // (plan.kills + 1))
    allow(folder, between)
    with running(folder, plan) as processes:
        while not over(folder, processes):
            assert time.monotonic() < patience
            time.sleep(luck.uniform(0, 2 * plan.between_s))
            if sum(toll.kills.values()) == plan.kills or said(folder) < before + BUSY:
                continue
            number = luck.choice([0, luck.randint(1, plan.workers)])
            if processes.kill(number) == -signal.SIGKILL:
                who = "workers" if number else "coordinator"
                toll.kills[who] = toll.kills.get(who, 0) + 1
                processes.start(number)
                before = said(folder)
                allow(folder, before + between if sum(toll.kills.values()) < plan.kills else None)
    return toll


def look(folder: Path, plan: Plan, toll: Toll) -> Sums:
    """Count, and end the leases of those who were killed last."""
    with closing(Ledger(folder / "ledger.db", run="r", cap_nano=plan.cap_nano, max_attempts=1000)) as ledger:
        toll.findings += ledger.check()
        ledger.commit([], now=0)
        ledger.commit([], now=2 * LEASE_S)
        toll.findings += ledger.check()
        sums = ledger.sums
    toll.findings += verify(folder / "ledger.db")
    with closing(Reader(folder / "ledger.db")) as reader:
        items, calls = reader.items(most=10**6), [call for _, call in reader.calls(most=10**6)]
    keys, recorded = Counter(call.key for call in calls), sum(call.cost_nano for call in calls)
    toll.twice += sum(keys.values()) - len(keys)
    toll.lost += sum(item.state is State.DONE and not set(_answer(item.outcome).split()) <= set(keys) for item in items)
    toll.lost += plan.items - len(items)
    total = sums.total
    if total.spent_nano != recorded + total.unconfirmed_nano + total.rebilled_nano:
        toll.findings += (f"spent {total.spent_nano} is not {recorded} + {total.unconfirmed_nano} + {total.rebilled_nano}",)
    _compare_with_lane(folder, keys, toll)
    return sums


def _answer(outcome: object) -> str:
    return getattr(outcome, "answer", "")


def _compare_with_lane(folder: Path, keys: Counter[str], toll: Toll) -> None:
    """What the lane was paid for, and in what order."""
    settled, late = set[str](), set[tuple[str, str]]()
    for line in (folder / "lane").read_text().splitlines():
        what, key, cost_nano, worker = line.split()
        match what:
            case "begun":
                (late.add if key in settled else late.discard)((key, worker))
            case "paid":
                toll.paid_calls, toll.paid_nano = toll.paid_calls + 1, toll.paid_nano + int(cost_nano)
                toll.made_again += (key, worker) in late
            case _:
                settled.add(key)
    toll.lost += len(settled - set(keys))


def main() -> None:
    """Print what was counted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--items", type=int)
    parser.add_argument("--cap", type=int)
    parser.add_argument("--tasks", type=int, default=4)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True)
    plan = Plan(kills=asked.kills, items=asked.items or 10 * asked.kills, seed=asked.seed, cap_nano=asked.cap, tasks=asked.tasks)
    toll = kill(asked.folder, plan)
    sums = look(asked.folder, plan, toll)
    print(json.dumps({**asdict(toll), "cap_nano": sums.cap_nano, **asdict(sums.total)}))


if __name__ == "__main__":
    main()
