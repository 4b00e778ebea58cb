"""Speed and size of a run's ledger, beside bare SQLite that waits for the disk as often: `python -m tests.bench.reasoning.ledger`.

    python -m tests.bench.reasoning.ledger [--items 50000] [--workers 64] [--seconds 4]

One JSON line each: {metric, value, unit, asked, floor, ratio}. Workers are tasks that speak to the ledger through its desk, as those of a
coordinator do. The floor inserts and updates as many rows, in groups of as many, in a table of its own, with nothing decided; both
take turns in one process, and the median of the rounds counts, so that a busy moment of the machine hits both. Of rates `ratio`
is ours by the floor's: more is better; of times and bytes, less. `core` is the rate by processor time, which a busy machine
changes less.
"""

import argparse
import asyncio
import gc
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from statistics import median, quantiles

from tandem_reasoning.ledger import Claim, Complete, Desk, Hold, Intend, Ledger, Load, Outcome, Reserved, Settle
from tandem_reasoning.values import Call, CallPlace, Question, Usage

from tests.bench.memory.line import say
from tests.resident import resident_bytes

ROUNDS = 5
CLAIMS_ASKED, P99_ASKED_MS, BYTES_ASKED = 5_000, 10.0, 300 * 10**6
CALLS_AN_ITEM = 16  # eight experts, two steps
QUESTION = "What is it like to be a bat, and could anybody but a bat ever know? " * 4
ANSWER = "Because knowing every fact about a thing is not yet having been it. " * 12
LEASE_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one turn took: wall seconds, processor seconds, how much was done, and the 99th percentile of the first of two waits."""

    wall_s: float
    core_s: float
    done: int
    p99_ms: float


class Bare:
    """SQLite with nothing decided: a row is put in, and changed."""

    def __init__(self, path: Path) -> None:
        self._rows = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._rows.execute("PRAGMA journal_mode = WAL")
        self._rows.execute("PRAGMA synchronous = FULL")
        self._rows.execute("CREATE TABLE t (number INTEGER PRIMARY KEY, text TEXT, done TEXT)")

    def group(self, size: int, text: str) -> None:
        """Two waits for the disk: for what is put in, and for what is changed."""
        (last,) = self._rows.execute("SELECT coalesce(max(number), 0) FROM t").fetchone()
        for statement in ("INSERT INTO t (number, text) VALUES (?1, ?2)", "UPDATE t SET done = ?2 WHERE number = ?1"):
            self._rows.execute("BEGIN IMMEDIATE")
            self._rows.executemany(statement, [(last + number, text) for number in range(1, size + 1)])
            self._rows.execute("COMMIT")

    def close(self) -> None:
        self._rows.close()


class Bench:
    """One ledger full of questions, and bare SQLite beside it."""

    def __init__(self, folder: Path, items: int, workers: int, seconds: float) -> None:
        self._workers, self._seconds, self._share = workers, seconds / ROUNDS, items // ROUNDS
        self._before = resident_bytes()
        self.ledger = Ledger(folder / "ledger.db", run="bench", cap_nano=10**18)
        self._bare = Bare(folder / "bare.db")
        self.ledger.do(Load(questions=tuple(Question(id=f"q{number}", text=QUESTION) for number in range(items))), now=0)

    def claims(self) -> None:
        """Claims with completions a second, and how long a claim is waited for."""
        rounds = [(self._ours(self._claim, most=self._share - self._workers), self._floor("")) for _ in range(ROUNDS)]
        tell_rate("reasoning_claims", "claims/s", rounds, asked=CLAIMS_ASKED)
        ours, floor = (median(each.p99_ms for each in side) for side in zip(*rounds, strict=True))
        say("reasoning_claim_p99", ours, "ms", asked=P99_ASKED_MS, floor=floor, ratio=ours / floor, workers=self._workers)

    def calls(self) -> None:
        """Calls that are reserved, settled and recorded a second."""
        (lease,) = self.ledger.do(Claim(worker="w", count=1, lease_s=LEASE_S), now=time.time())
        rounds = [(self._ours(partial(self._call, lease.hold)), self._floor(ANSWER)) for _ in range(ROUNDS)]
        tell_rate("reasoning_calls", "calls/s", rounds)

    def size(self) -> None:
        """Memory, with all questions loaded and the figures above done."""
        gc.collect()
        ours = resident_bytes()
        say("reasoning_ledger_resident", ours, "bytes", asked=BYTES_ASKED, floor=self._before, ratio=ours / self._before)

    def close(self) -> None:
        self.ledger.close()
        self._bare.close()

    def _ours(self, work: Callable[[Desk, int], Awaitable[float]], *, most: float = inf) -> Round:
        return asyncio.run(self._turn(work, most))

    async def _turn(self, work: Callable[[Desk, int], Awaitable[float]], most: float) -> Round:
        """For so long, or until so much is done: a fast machine would claim all that there is."""
        desk, waits, began, core = Desk(self.ledger, time.time), list[float](), time.perf_counter(), time.process_time()

        async def worker(number: int) -> None:
            while time.perf_counter() < began + self._seconds and len(waits) < most:
                waits.append(await work(desk, number))

        await asyncio.gather(*(worker(number) for number in range(self._workers)))
        took = time.perf_counter() - began, time.process_time() - core
        await desk.close()
        return Round(wall_s=took[0], core_s=took[1], done=len(waits), p99_ms=quantiles(waits, n=100)[-1] * 1000)

    async def _claim(self, desk: Desk, number: int) -> float:
        began = time.perf_counter()
        (lease,) = await desk.ask(Claim(worker=str(number), count=1, lease_s=LEASE_S))
        waited = time.perf_counter() - began
        await desk.ask(Complete(hold=lease.hold, outcome=Outcome(answer="yes", lane="cloud", agreement=0.75)))
        return waited

    async def _call(self, hold: Hold, desk: Desk, number: int) -> float:
        began = time.perf_counter()
        key = f"{number}/{began}"
        intent = await desk.ask(Intend(hold=hold, key=key, lane="cloud", worst_nano=1000))
        waited = time.perf_counter() - began
        assert isinstance(intent, Reserved)
        place, usage = CallPlace(item=hold.item, step=1, expert="reasoning"), Usage(input_tokens=400, output_tokens=200)
        call = Call(key=key, place=place, lane="cloud", answer=ANSWER, usage=usage, cost_nano=700, seconds=9.6)
        await desk.ask(Settle(ticket=intent.ticket, call=call))
        return waited

    def _floor(self, text: str) -> Round:
        waits, began, core = list[float](), time.perf_counter(), time.process_time()
        while time.perf_counter() < began + self._seconds:
            group = time.perf_counter()
            self._bare.group(self._workers, text)
            waits.append((time.perf_counter() - group) / 2)
        done = len(waits) * self._workers
        took = time.perf_counter() - began, time.process_time() - core
        return Round(wall_s=took[0], core_s=took[1], done=done, p99_ms=quantiles(waits, n=100)[-1] * 1000)


def tell_rate(metric: str, unit: str, rounds: list[tuple[Round, Round]], asked: float | None = None) -> None:
    """The median of the rounds, by the wall clock and by processor time."""
    ours, floor = (median(each.done / each.wall_s for each in side) for side in zip(*rounds, strict=True))
    core = median(each.done / each.core_s for each, _ in rounds)
    say(metric, round(ours), unit, asked=asked, floor=floor, ratio=ours / floor, core=round(core))


def restart(folder: Path, items: int) -> None:
    """Seconds until a ledger of a whole run answers again: its pages are looked through, and all is added up."""
    path, now = folder / "whole.db", time.time()
    with closing(Ledger(path, run="bench", cap_nano=None)) as ledger:
        ledger.do(Load(questions=tuple(Question(id=f"q{number}", text=QUESTION) for number in range(items))), now=0)
        for lease in ledger.do(Claim(worker="w", count=items, lease_s=LEASE_S), now=now):
            keys = [f"{lease.hold.item}/{number}" for number in range(CALLS_AN_ITEM)]
            intents = ledger.commit([Intend(hold=lease.hold, key=key, lane="cloud", worst_nano=9) for key in keys], now=now)
            place, usage = CallPlace(item=lease.hold.item, step=1, expert="reasoning"), Usage(input_tokens=400, output_tokens=200)
            calls = [Call(key=key, place=place, lane="cloud", answer=ANSWER, usage=usage, cost_nano=7, seconds=9.6) for key in keys]
            ledger.commit([Settle(ticket=intent.ticket, call=call) for intent, call in zip(intents, calls, strict=True)], now=now)
    began = time.perf_counter()
    Ledger(path, run="bench", cap_nano=None).close()
    ours = time.perf_counter() - began
    began = time.perf_counter()
    path.read_bytes()
    floor = time.perf_counter() - began
    say("reasoning_ledger_open", ours, "s", floor=floor, ratio=ours / floor, calls=items * CALLS_AN_ITEM, bytes=path.stat().st_size)


@contextmanager
def prepared(items: int, workers: int, seconds: float) -> Iterator[tuple[Bench, Path]]:
    """In a temporary folder (TMPDIR), which should be on the disk that a ledger would be on."""
    with tempfile.TemporaryDirectory() as temporary, closing(Bench(Path(temporary), items, workers, seconds)) as bench:
        yield bench, Path(temporary)


def main() -> None:
    """Measure all."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.reasoning.ledger")
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=4.0)
    asked = parser.parse_args()
    with prepared(asked.items, asked.workers, asked.seconds) as (bench, folder):
        bench.claims()
        bench.calls()
        bench.size()
        restart(folder, asked.items // CALLS_AN_ITEM)


if __name__ == "__main__":
    main()
