"""Writers that say what was acknowledged, until they are asked to leave or killed.

`python -m tests.bench.memory.writing PEER ADDRESS WORKLOAD` has a line for each append, once it was acknowledged: the first of its
numbers and the one behind its last. The writers leave when standard input ends, with what they hold closed as their library has it.
"""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.memory.workload import SOURCES, Workload

_CLIENTS, _BATCH = 8, 64
_SPACING = 10_000_000  # between the numbers of two clients


def main(peer: str, address: str, folder: str) -> None:
    """Write until standard input ends."""
    module, work, over = import_module(f"tests.bench.memory.peers.{peer}"), Workload(Path(folder)), threading.Event()
    dimensions = work.vectors.shape[1]
    if module.EMBEDDED:
        clients = [module.Client(address, dimensions)] * _CLIENTS
    else:
        clients = [module.Client(address, dimensions) for _ in range(_CLIENTS)]
    with ThreadPoolExecutor(_CLIENTS) as threads:
        writing = [threads.submit(_write, client, work, _SPACING * number, over) for number, client in enumerate(clients, 1)]
        sys.stdin.read()
        over.set()
    for each in writing:
        each.result()
    for client in {id(client): client for client in clients}.values():
        client.close()


def _write(client: Any, work: Workload, first: int, over: threading.Event) -> None:
    random = np.random.default_rng(first)
    sources, scores = random.integers(0, SOURCES, _BATCH), random.random(_BATCH)
    while not over.is_set():
        numbers = range(first, first + _BATCH)
        client.append(numbers, np.array(work.vectors[random.integers(0, len(work.vectors), _BATCH)]), sources, scores)
        os.write(1, f"{numbers.start} {numbers.stop}\n".encode())  # at once, and whole: lines of other threads go before or behind it
        first = numbers.stop


if __name__ == "__main__":
    main(*sys.argv[1:])
