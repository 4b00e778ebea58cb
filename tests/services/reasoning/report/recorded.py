"""A run that a coordinator and two workers recorded: a local lane that knows half of the questions, and a cloud lane that knows most.

python -m tests.services.reasoning.report.recorded FOLDER 120
"""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tandem_reasoning.values import Question

from tests.services.reasoning.coordination import coordinating, job, said, work
from tests.services.reasoning.lanes.wire_server import Act, playing

NOW = datetime(2026, 1, 1, tzinfo=UTC)  # when reports are made
KINDS = ("doubles", "halves", "squares")  # the local lane knows the first, guesses at the second and has the third wrong
PATIENCE_S = 300


def asked(count: int) -> list[Question]:
    """So many, of three kinds."""
    return [Question(id=f"q{n}", text=f"What is {n} of <b>{KINDS[n % 3]}</b>?", answer=str(n), kind=KINDS[n % 3]) for n in range(count)]


def record(folder: Path, count: int, **routing: Any) -> Path:
    """The ledger of a whole run, `job.json` beside it; `routing` where it is not a cascade's own."""
    folder.mkdir(parents=True, exist_ok=True)

    async def deed() -> Path:
        async with AsyncExitStack() as stack:
            local, cloud = [await stack.enter_async_context(playing()) for _ in range(2)]
            local.answer, cloud.answer = _answering(_local), _answering(_cloud)
            run = job({"local": [local.url], "cloud": [cloud.url]}, routing={"policy": "Cascade", **routing})
            coordinator = await stack.enter_async_context(coordinating(folder, run, asked(count)))
            await asyncio.gather(*(work(coordinator.address, name) for name in ("one", "two")))
            return coordinator.ledger

    return asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))


def _answering(knows: Callable[[int, int], bool]) -> Callable[[str, dict[str, Any]], Awaitable[Act]]:
    async def answer(path: str, body: dict[str, Any]) -> Act:
        del path
        number, expert = _numbers([message["content"] for message in body["messages"]])
        return said(f"I thought about it.\nAnswer: {number if knows(number, expert) else f'not {number}'}")

    return answer


def _numbers(texts: Sequence[str]) -> tuple[int, int]:
    """Which question, and which expert is asked; the lane alone is expert 0."""
    text = "\n".join(texts)
    question, expert = re.search(r"What is (\d+) of", text), re.search(r"Be number (\d+)", text)
    assert question is not None
    return int(question[1]), int(expert[1]) if expert else 0


def _local(number: int, expert: int) -> bool:
    return number % 3 == 0 or (number % 3 == 1 and (number // 3 + expert) % 2 == 0)


def _cloud(number: int, expert: int) -> bool:
    del expert
    return number % 10 != 9


if __name__ == "__main__":
    print(record(Path(sys.argv[1]), int(sys.argv[2])))
