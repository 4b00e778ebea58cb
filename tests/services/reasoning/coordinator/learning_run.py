"""A run whose local lane knows sums and is as sure of rhymes, which it does not know; the cloud lane knows both."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.ledger import Item
from tandem_reasoning.values import Question

from tests.services.reasoning.coordination import coordinating, items, job, said, work
from tests.services.reasoning.lanes.wire_server import Act, playing

PATIENCE_S = 240
WARMUP = 12


def asked(count: int, *, in_blocks: bool = False) -> list[Question]:
    """Sums, which the local lane knows, and rhymes, which it does not: by turns, or all of one before all of the other."""
    makes = ("please add the numbers {0} and {0}", "which word is it that rhymes with word {0}")
    kinds = ("sum", "rhyme")
    which = [2 * n // count if in_blocks else n % 2 for n in range(count)]
    return [Question(id=f"q{n}", text=makes[of].format(n), answer="so", kind=kinds[of]) for n, of in enumerate(which)]


async def local(path: str, body: dict[str, Any]) -> Act:
    """Sure of sums, and of rhymes as well, but wrong."""
    del path
    return said("Answer: so" if "please add" in json.dumps(body) else "Answer: no")


async def cloud(path: str, body: dict[str, Any]) -> Act:
    del path, body
    return said("Answer: so")


async def answered(folder: Path, told: Job, count: int, until: int, *, in_blocks: bool = False) -> None:
    """Have a coordinator and a worker until so many of `count` questions are answered."""
    async with coordinating(folder, told, asked(count, in_blocks=in_blocks)) as coordinator:
        stop = asyncio.Event()
        working = asyncio.create_task(work(coordinator.address, "one", stop, at_once=2))
        while coordinator.status.done < until:  # noqa: ASYNC110 - nothing says so but the status
            await asyncio.sleep(0.01)
        stop.set()
        await working


def run(
    folder: Path, count: int, *, parts: Sequence[int] = (), ends_at: datetime | None = None, in_blocks: bool = False, **routing: Any
) -> list[Item]:
    """All items; the coordinator is started anew whenever so many questions as in `parts` are answered."""
    more = {} if ends_at is None else {"endsAt": ends_at}

    async def deed() -> None:
        async with playing() as here, playing() as there:
            here.answer, there.answer = local, cloud
            told = job({"local": [here.url], "cloud": [there.url]}, routing={"warmup": WARMUP, "explore": 0, **routing}, **more)
            for until in (*parts, count):
                await answered(folder, told, count, until, in_blocks=in_blocks)

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    return list(items(folder / "ledger.sqlite"))
