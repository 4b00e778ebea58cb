"""Many tasks that claim items, make calls that cost something, and tell the coordinator. A process to be killed.

    python -m tests.services.reasoning.ledger.working FOLDER NAME --tasks 16 --calls 4

The lane is a file: a call is made once a line of it says so, whatever becomes of who made it. It is the truth about what was paid.
"""

import argparse
import asyncio
import os
import random
from pathlib import Path
from typing import TypeVar

from tandem_reasoning.ledger import (
    Claim,
    Complete,
    Completed,
    Extend,
    Hold,
    Intend,
    Job,
    Outcome,
    OverBudget,
    Recorded,
    Reserved,
    Settle,
    Stale,
)
from tandem_reasoning.values import Call, CallPlace, Usage

from .coordinating import read, write

LEASE_S = 2.0
LOOK_AGAIN_S = 0.2
WORST_NANO = 1000
OVER = 3  # exit code of who found the budget used up
_T = TypeVar("_T")


class Asking:
    """Asks the coordinator until it has answered: the same job again when it was killed in between."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "socket"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __call__(self, job: Job[_T]) -> _T:
        while True:
            try:
                if self._streams is None:
                    self._streams = await asyncio.open_unix_connection(self._socket)
                write(self._streams[1], job)
                answer = await read(self._streams[0])
            except (OSError, asyncio.IncompleteReadError):
                self._streams = None
                await asyncio.sleep(random.uniform(0, 2 * LOOK_AGAIN_S))  # a crowd must not keep a coordinator from starting
                continue
            if isinstance(answer, Exception):
                raise answer
            return answer  # type: ignore[return-value]


class Worker:
    """One task of a worker process; it has one item at a time."""

    def __init__(self, folder: Path, name: str, calls: int, lane: int, latency_s: float) -> None:
        self._ask, self._name, self._calls, self._lane, self._latency_s = Asking(folder), name, calls, lane, latency_s
        self._allowed = folder / "allowed"
        self._luck = random.Random(name)

    async def work(self) -> None:
        """Until no item is left, or no money."""
        while True:
            held = await self._claim()
            if held is None:
                await asyncio.sleep(LOOK_AGAIN_S)
                continue
            keys = [f"{held.item}/{number}" for number in range(self._calls)]
            for number, key in enumerate(keys):
                if await self._call(held, key, number) is None:
                    break  # somebody else has it
            else:
                done = await self._ask(Complete(hold=held, outcome=Outcome(answer=" ".join(keys), lane="cloud")))
                assert isinstance(done, Completed | Stale)

    async def _claim(self) -> Hold | None:
        """What it is given; it has nothing, so whatever it was given before without hearing of it comes first."""
        leases = await self._ask(Claim(worker=self._name, count=1, lease_s=LEASE_S, has=frozenset()))
        return leases[0].hold if leases else None

    async def _call(self, held: Hold, key: str, number: int) -> Call | None:
        """The call's record, made by whomever; None when the item is somebody else's."""
        while not self._may_begin():  # noqa: ASYNC110 - it is a file
            await asyncio.sleep(LOOK_AGAIN_S / 4)
        while True:
            self._say("begun", key)
            intent = await self._ask(Intend(hold=held, key=key, lane="cloud", worst_nano=WORST_NANO))
            match intent:
                case Recorded(call=call):
                    return call
                case Reserved(ticket=ticket):
                    break
                case OverBudget() if not intent.may_pass_later:
                    os._exit(OVER)
                case OverBudget():
                    await asyncio.sleep(random.uniform(0, 2 * LOOK_AGAIN_S))
                case Stale(fence=fence) if fence != held.fence:
                    return None
            if await self._ask(Extend(holds=(held,), lease_s=LEASE_S)):
                return None
        await asyncio.sleep(self._luck.uniform(0, self._latency_s))
        cost_nano = self._luck.randint(300, WORST_NANO)
        self._say("paid", key, cost_nano)
        await asyncio.sleep(self._luck.uniform(0, self._latency_s))
        place = CallPlace(item=held.item, step=1, expert="reasoning", sample=number)
        usage = Usage(input_tokens=1, output_tokens=1)
        call = Call(key=key, place=place, lane="cloud", answer="yes", usage=usage, cost_nano=cost_nano, seconds=0.01)
        await self._ask(Settle(ticket=ticket, call=call))
        self._say("settled", key)
        return call

    def _may_begin(self) -> bool:
        """Whether the lane was told less than whoever kills allows as yet."""
        allowed = self._allowed.read_text() if self._allowed.exists() else ""
        return not allowed or os.fstat(self._lane).st_size < int(allowed)

    def _say(self, what: str, key: str, cost_nano: int = 0) -> None:
        """One write of a whole line to the end of the file: lines of all processes are in the order that they happened."""
        os.write(self._lane, f"{what} {key} {cost_nano} {self._name}\n".encode())


async def main(folder: Path, name: str, *, tasks: int, calls: int, latency_s: float) -> None:
    lane = os.open(folder / "lane", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    async with asyncio.TaskGroup() as group:
        for number in range(tasks):
            group.create_task(Worker(folder, f"{name}.{number}", calls, lane, latency_s).work())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("name")
    parser.add_argument("--tasks", type=int, required=True)
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--latency", type=float, default=0.01)
    asked = parser.parse_args()
    asyncio.run(main(asked.folder, asked.name, tasks=asked.tasks, calls=asked.calls, latency_s=asked.latency))
