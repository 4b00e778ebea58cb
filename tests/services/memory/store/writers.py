"""Writes to a store from many tasks at once for ever, and says what was acknowledged: a process to be killed.

    python -m tests.services.memory.store.writers FOLDER ROUND [WRITERS]

Each line of its output is `key id` of one acknowledged record.
"""

import asyncio
import os
import sys
from pathlib import Path

from tandem_memory.embedded import Embedded, upkeep

from tests.services.memory.driven import NAMESPACE, record


async def write(memory: Embedded, turn: str, writer: int) -> None:
    """Append one, or some, small or larger than a page."""
    number = 0
    while True:
        keys = [f"{turn}/{writer}/{number + each}" for each in range(1 if writer % 2 else 5)]
        number += len(keys)
        records = [record(key, key=key, answer=f"answer to {key} " * (300 if writer % 8 == 0 else 3)) for key in keys]
        done = await memory.append(NAMESPACE, records, embedding="caller")
        # One write call for a line or more: what is said is said before the next kill, whole.
        os.write(1, "".join(f"{key} {each.id}\n" for key, each in zip(keys, done, strict=True)).encode())


async def main(folder: str, turn: str, writers: str = "32") -> None:
    upkeep._LEAST_CHANGES = 50  # snapshots of the index all the time, so that kills meet them, too
    memory = Embedded(Path(folder))
    os.write(1, b"ready\n")
    async with asyncio.TaskGroup() as tasks:
        for writer in range(int(writers)):
            tasks.create_task(write(memory, turn, writer))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
