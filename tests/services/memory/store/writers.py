"""Processes to be killed: each writes to a store from many tasks at once for ever, and says what was acknowledged.

What they load is loaded once, here, and each of them is a fork of that. An order a line on standard input, as JSON:
`[folder, turn, said]` begins one; its process id is answered, and, when it has ended, its exit status, below zero for a signal.
Each line of the file `said` is `key id` of one acknowledged record, behind a first one that says that the store is open.
"""

import asyncio
import ctypes
import gc
import json
import os
import signal
import sys
from pathlib import Path

from tandem_memory.embedded import Embedded, upkeep

from tests.services.memory.driven import NAMESPACE, record

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


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


async def crowd(folder: str, turn: str) -> None:
    """32 writers."""
    upkeep._LEAST_CHANGES = 50  # snapshots of the index all the time, so that kills meet them, too
    memory = Embedded(Path(folder))
    os.write(1, b"ready\n")
    async with asyncio.TaskGroup() as tasks:
        for writer in range(32):
            tasks.create_task(write(memory, turn, writer))


def begin(folder: str, turn: str, said: str) -> int:
    """A fork that is such a crowd; its process id."""
    process = os.fork()
    if process == 0:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # it ends with this process
        try:
            os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_EXCL), 1)
            asyncio.run(crowd(folder, turn))
        finally:
            os._exit(1)
    return process


def main() -> None:
    """Carry out orders until there are no more."""
    gc.freeze()
    for order in sys.stdin:
        process = begin(*json.loads(order))
        print(process, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
