"""The service over a cluster of Cassandra, beside its driver alone and beside the same service over LMDB, all in one run.

    python -m tests.bench.memory.cassandra [--nodes 1|3] [--replicas 1|2] [--records 3000] [--dimensions 384] [--seconds 8] [--clients 8]

Clients append and search, in turns through the service and by the driver alone. The driver does what one caller would have to
do with the same tables for the same promises: each name is claimed by a lightweight transaction before its record is written at a
quorum; a search asks which logs there are, asks the index of one node, and reads what that names at a quorum. Asked of the service is
at least three quarters of the driver's rate. The processor time of a call is told for clients, services and nodes.
"""

import argparse
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.memory.cassandra_callers import KEYSPACE, Bare, Served
from tests.bench.memory.line import say
from tests.bench.memory.workload import Workload

CLIENTS = 8  # as of the other parts
BATCH = 64
FLOOR = 0.75
_ROUNDS = 2  # of each, in turns: what warms up or slows down does so for both
_BULK = 256
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_QUIET_S = 3.0  # of a service, once its records are on all nodes
_PATIENCE_S = 300
_LONG_S = 2  # a turn in which it pays that nodes compile for long what they do often
# Clients by the dozen, each forked from a process without threads, in which all that they need is imported already.
_FRESH = multiprocessing.get_context("forkserver")
_FRESH.set_forkserver_preload([__name__, "cassandra.cluster", "cassandra.concurrent", "tandem_memory.client.memory"])

Call = Callable[[int], object]


@dataclass(frozen=True)
class Task:
    """What clients do: "append" of so many records a call, or "search" among "all" or one "source"."""

    do: str
    batch: int = 1
    among: str = "all"

    @property
    def name(self) -> str:
        """As figures are called."""
        return f"append_{self.batch}" if self.do == "append" else f"search_{self.among}"


TASKS = (Task("search"), Task("search", among="source"), Task("append"), Task("append", batch=BATCH))


@dataclass
class Done:
    """What came of a task: seconds of each call, and processor seconds of clients, services and nodes."""

    seconds: float
    took: list[float]
    clients_s: float
    services_s: float
    nodes_s: float

    def __add__(self, other: "Done") -> "Done":
        mine, theirs = vars(self), vars(other)
        return Done(**{name: mine[name] + theirs[name] for name in mine})

    def rate(self, task: Task) -> tuple[float, str]:
        """Records or queries a second."""
        return len(self.took) * task.batch / self.seconds, "records/s" if task.do == "append" else "queries/s"


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Clients of one kind, each a process; and the processes that work for them."""

    kind: type[Served] | type[Bare]
    addresses: Sequence[str]
    work: Workload
    clients: int
    services: Sequence[int] = ()
    nodes: Sequence[int] = ()

    def do(self, task: Task, seconds: float, turn: int) -> Done:
        """A task, for the `turn`th time."""
        barrier, answers = _FRESH.Barrier(self.clients + 1), _FRESH.Queue()
        meeting = barrier, answers
        numbers = range(turn * self.clients, (turn + 1) * self.clients)
        workers = [_FRESH.Process(target=_process, args=(self, task, seconds, number, meeting)) for number in numbers]
        for worker in workers:
            worker.start()
        barrier.wait(_PATIENCE_S)
        services_s, nodes_s = _processor_s(self.services), _processor_s(self.nodes)
        told = [answers.get(timeout=seconds + _PATIENCE_S) for _ in workers]
        services_s, nodes_s = _processor_s(self.services) - services_s, _processor_s(self.nodes) - nodes_s
        for worker in workers:
            worker.join()
        return Done(seconds, [each for took, _ in told for each in took], sum(used for _, used in told), services_s, nodes_s)


def measure(work: Workload, seconds: float, clients: int, *, nodes: int, replicas: int) -> None:
    """Tell every figure: of the service on a cluster of so many nodes, of the driver alone, and of the service over LMDB."""
    from tests.parts import cassandra_cluster
    from tests.parts.cassandra_jars import CASSANDRA
    from tests.parts.part import obtain

    jars = obtain(CASSANDRA, os.environ, lambda line: print(line, file=sys.stderr))
    with cassandra_cluster.serving(jars, work.folder, nodes, lasting=seconds >= _LONG_S) as cluster, ExitStack() as stack:
        told = {"TANDEM_MEMORY_CASSANDRA": ",".join(cluster.addresses), "TANDEM_MEMORY_CASSANDRA_KEYSPACE": KEYSPACE}
        told["TANDEM_MEMORY_CASSANDRA_REPLICAS"] = str(min(nodes, 3))
        services = [stack.enter_context(_serving(work.folder / f"replica-{at}", told)) for at in range(replicas)]
        say("memory_cassandra_load", _load(services[0][0], work), "records/s")
        pids = [pid for _, pid in services]
        _settle(pids)
        addresses = [each for each, _ in services]
        ours = Crowd(kind=Served, addresses=addresses, work=work, clients=clients, services=pids, nodes=cluster.pids)
        bare = Crowd(kind=Bare, addresses=[",".join(cluster.addresses)], work=work, clients=clients, nodes=cluster.pids)
        clustered = {task: _in_turns(task, seconds, (ours, bare)) for task in TASKS}
    with _serving(work.folder / "embedded", {"TANDEM_MEMORY_FOLDER": str(work.folder / "store")}) as (address, pid):
        _load(address, work)
        _settle([pid])
        embedded = Crowd(kind=Served, addresses=[address], work=work, clients=clients, services=[pid])
        for task in TASKS:
            _tell(task, clustered[task], embedded.do(task, seconds, 0))


def _in_turns(task: Task, seconds: float, crowds: tuple[Crowd, Crowd]) -> tuple[Done, Done]:
    """What each came to, after one turn to warm up."""
    done = [[crowd.do(task, seconds, turn * len(crowds) + at) for at, crowd in enumerate(crowds)] for turn in range(1 + _ROUNDS)]
    first, second = (reduce(add, each) for each in zip(*done[1:], strict=True))
    return first, second


def _tell(task: Task, clustered: tuple[Done, Done], embedded: Done) -> None:
    ours, bare = clustered
    name, (value, unit) = f"memory_cassandra_{task.name}", ours.rate(task)
    for beside, other, floor in (("driver", bare, FLOOR), ("lmdb", embedded, None)):
        say(name, value, unit, beside=beside, peer=other.rate(task)[0], ratio=value / other.rate(task)[0], floor=floor)
    say(f"{name}_p99", _p99_ms(ours), "ms", beside="driver", peer=_p99_ms(bare), ratio=_p99_ms(ours) / _p99_ms(bare))
    for whose in ("clients", "services", "nodes"):
        a, b = (1e3 * vars(done)[f"{whose}_s"] / len(done.took) for done in (ours, bare))
        say(f"{name}_{whose}", a, "ms of processor a call", beside="driver", peer=b, ratio=a / b if b else None)


def _p99_ms(done: Done) -> float:
    return 1e3 * float(np.quantile(done.took, 0.99))


def _load(address: str, work: Workload) -> float:
    client, began = Served(address, work), time.perf_counter()
    for first in range(0, len(work.vectors), _BULK):
        numbers = range(first, min(first + _BULK, len(work.vectors)))
        client.append(numbers, [f"loaded {number}" for number in numbers])
    return len(work.vectors) / (time.perf_counter() - began)


def _process(crowd: Crowd, task: Task, seconds: float, number: int, meeting: tuple[Any, Any]) -> None:
    barrier, answers = meeting
    try:
        call = _call(crowd.kind(crowd.addresses[number % len(crowd.addresses)], crowd.work), crowd.work, task, number)
        call(0)
    except BaseException:
        barrier.abort()  # or all others would wait for this one
        raise
    barrier.wait(_PATIENCE_S)
    used, took, end = time.process_time(), list[float](), time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        call(len(took) + 1)
        took.append(time.perf_counter() - began)
    answers.put((took, time.process_time() - used))


def _call(client: Served | Bare, work: Workload, task: Task, who: int) -> Call:
    if task.do == "search":
        queries = np.array(work.queries)
        return lambda at: client.search(queries[(at + 37 * who) % len(queries)], task.among)

    def append(at: int) -> None:
        begin = at * 7 * task.batch % (len(work.vectors) - task.batch)
        client.append(range(begin, begin + task.batch), [f"{task.name} {who} {at} {each}" for each in range(task.batch)])

    return append


@contextmanager
def _serving(folder: Path, settings: dict[str, str]) -> Iterator[tuple[str, int]]:
    """The address and process of a service."""
    said, log = folder.with_suffix(".address"), folder.with_suffix(".log")
    environ = os.environ | settings | {"TANDEM_MEMORY_ADDRESS_FILE": str(said)}
    with log.open("ab") as out:
        process = subprocess.Popen([sys.executable, "-m", "tandem_memory"], env=environ, stdout=out, stderr=out)
    try:
        while not said.exists():
            if process.poll() is not None:
                raise RuntimeError(log.read_text())
            time.sleep(0.01)
        yield json.loads(said.read_text())["grpc"], process.pid
    finally:
        process.terminate()
        process.wait()


def _settle(pids: Sequence[int]) -> None:
    """Wait until services do nothing any more: all nodes have what was loaded, and an index is arranged."""
    quiet_since, before = time.monotonic(), _processor_s(pids)
    while time.monotonic() - quiet_since < _QUIET_S:
        time.sleep(0.2)
        now = _processor_s(pids)
        if now - before > 4 * _TICK_S:
            quiet_since = time.monotonic()
        before = now


def _processor_s(pids: Sequence[int]) -> float:
    """Processor time that processes have had."""
    told = (Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in pids)
    return sum(int(fields[11]) + int(fields[12]) for fields in told) * _TICK_S


def main() -> None:
    """Measure in a temporary folder (TMPDIR), which should be on the disk that a node would have."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that nodes and services are ended too
    parser = argparse.ArgumentParser(prog="python -m tests.bench.memory.cassandra")
    parser.add_argument("--nodes", type=int, choices=(1, 3), default=1)
    parser.add_argument("--replicas", type=int, choices=(1, 2), default=1)
    parser.add_argument("--records", type=int, default=3000)
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    asked = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    with tempfile.TemporaryDirectory() as temporary:
        work = Workload.made(Path(temporary), asked.records, asked.dimensions)
        measure(work, asked.seconds, asked.clients, nodes=asked.nodes, replicas=asked.replicas)


if __name__ == "__main__":
    main()
