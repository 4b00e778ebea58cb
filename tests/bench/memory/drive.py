"""A load of one kind upon one peer, in that peer's environment: `python -m tests.bench.memory.drive PEER ADDRESS WORKLOAD TASK`.

TASK is JSON: {"do": "load" | "recall" | "search" | "append" | "first" | "numbers", ...}. Answers with one JSON line. Several clients
are as many processes with a connection each; for a library in the caller's process they are threads.
"""

import json
import multiprocessing
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.memory.workload import Workload, recall

TARGET = 0.95
_PATIENCE_S = 300  # for a client to start and to end its last call
_SPACING = 10_000_000  # between the numbers of two clients' new records


def main(peer: str, address: str, folder: str, task: dict[str, Any]) -> dict[str, Any]:
    """Do `task`; what came of it."""
    work, module = Workload(Path(folder)), import_module(f"tests.bench.memory.peers.{peer}")
    if task["do"] in ("search", "append"):
        return _together(peer, address, work, task)
    if task["do"] == "first":
        return _first(module, address, work)
    client = module.Client(address, work.vectors.shape[1])
    if task["do"] == "numbers":
        return {"numbers": client.numbers()}
    if task["do"] == "load":
        began = time.perf_counter()
        client.load(work)
        return {"seconds": time.perf_counter() - began}
    return _effort(client, work, task["filter"], module.EFFORTS)


def _first(module: Any, address: str, work: Workload) -> dict[str, Any]:
    """How much longer the first answer takes than a later one: connecting and loading libraries count for neither.

    It is right when who asks with the vector of the last record finds that record first.
    """
    took, found = list[float](), list[list[int]]()
    for _ in range(1 if module.EMBEDDED else 2):
        began = time.perf_counter()
        found.append(module.Client(address, work.vectors.shape[1]).search(np.array(work.vectors[-1]), "all", module.EFFORTS[-1]))
        took.append(time.perf_counter() - began)
    return {"seconds": took[0] if module.EMBEDDED else max(took[0] - took[1], 0.0), "right": found[0][0] == len(work.vectors) - 1}


def _effort(client: Any, work: Workload, name: str, efforts: tuple[int, ...]) -> dict[str, Any]:
    """The least effort that reaches the recall that is asked for."""
    nearest, reached, effort = work.nearest(name), 0.0, efforts[-1]
    for effort in efforts:
        found = [client.search(np.array(query), name, effort) for query in work.queries[: len(nearest)]]
        reached = recall(found, nearest)
        if reached >= TARGET:
            break
    return {"effort": effort, "recall": reached}


def _together(peer: str, address: str, work: Workload, task: dict[str, Any]) -> dict[str, Any]:
    module, count = import_module(f"tests.bench.memory.peers.{peer}"), task["clients"]
    if module.EMBEDDED:
        shared, all_there = module.Client(address, work.vectors.shape[1]), threading.Barrier(count)
        with ThreadPoolExecutor(count) as threads:
            running = [threads.submit(_loop, shared, work, task, number, all_there.wait) for number in range(count)]
            return _summary([each.result() for each in running], task)
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(count), context.Queue()
    arguments = (peer, address, work, task)
    workers = [context.Process(target=_process, args=(arguments, number, barrier, answers)) for number in range(count)]
    for worker in workers:
        worker.start()
    told = [answers.get(timeout=task["seconds"] + _PATIENCE_S) for _ in workers]
    for worker in workers:
        worker.join()
    return _summary(told, task)


def _process(arguments: tuple[str, str, Workload, dict[str, Any]], number: int, barrier: Any, answers: Any) -> None:
    peer, address, work, task = arguments
    client = import_module(f"tests.bench.memory.peers.{peer}").Client(address, work.vectors.shape[1])
    answers.put(_loop(client, work, task, number, barrier.wait))


def _loop(client: Any, work: Workload, task: dict[str, Any], number: int, wait: Callable[[], object]) -> list[float]:
    """Seconds that each call took."""
    call = _search(client, work, task, number) if task["do"] == "search" else _append(client, work, task, number)
    call(0)
    wait()
    took: list[float] = []
    end = time.perf_counter() + task["seconds"]
    while (began := time.perf_counter()) < end:
        call(len(took) + 1)
        took.append(time.perf_counter() - began)
    return took


def _search(client: Any, work: Workload, task: dict[str, Any], number: int) -> Callable[[int], object]:
    queries = np.array(work.queries)
    return lambda at: client.search(queries[(at + 37 * number) % len(queries)], task["filter"], task["effort"])


def _append(client: Any, work: Workload, task: dict[str, Any], number: int) -> Callable[[int], object]:
    batch, base = task["batch"], _SPACING * (1 + number + task["turn"] * task["clients"])
    some = np.array(work.vectors[:20_000])
    random = np.random.default_rng(number)
    sources, scores = random.integers(0, 10, batch), random.random(batch)

    def call(at: int) -> None:
        begin = at * 7 * batch % (len(some) - batch)
        client.append(range(base + at * batch, base + (at + 1) * batch), some[begin : begin + batch], sources, scores)

    return call


def _summary(told: list[list[float]], task: dict[str, Any]) -> dict[str, Any]:
    took = np.array([each for one in told for each in one])
    return {"per_second": len(took) / task["seconds"], "p50": float(np.quantile(took, 0.5)), "p99": float(np.quantile(took, 0.99))}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4]))), flush=True)
