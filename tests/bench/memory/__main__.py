"""Speed of the shared memory, beside peers that do the same on the same machine in the same run: `python -m tests.bench.memory`.

    python -m tests.bench.memory [--only PART,...] [--records N] [--dimensions N] [--seconds N] [--clients N] [--peers A,B,...]

One JSON line each: {metric, value, unit, peer|floor|ceiling, ratio}. The parts, and how many records each has if it is not said:

    index     100,000    the index alone, against every row multiplied
    service   100,000    over gRPC, against pgvector and Chroma, which are servers, and Qdrant edge, a library in the caller's process
    watch     100,000    from an append until each of 32 readers has it
    kept       10,000    what was acknowledged and is there after a restart; also of Milvus Lite
    ready     240,000    how soon it is ready after a restart
    million 1,000,000    in a room of 2.5 GiB: searches, memory, and how soon it is ready
    cassandra   3,000    over a cluster of Cassandra, against its driver alone; more nodes by a command of its own

All are asked for the same: ten nearest of unit vectors, with their texts, at the least effort that gives recall@10 of .95. Peers live
in an environment of their own (`peers.environment`), made once. `ratio` is ours by the peer's: for rates more is better, for times less.
"""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

RECORDS = {
    "index": 100_000,
    "service": 100_000,
    "watch": 100_000,
    "kept": 10_000,
    "ready": 240_000,
    "million": 1_000_000,
    "cassandra": 3000,
}


def main() -> None:
    """Measure in a temporary folder (TMPDIR), which should be on the disk that a store would be on."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers are ended too
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # as the service has it; read when numpy is loaded, so not before
    asked = asked_for(sys.argv[1:])
    for part in asked.only:
        measure(part, asked.records or RECORDS[part], asked)


def asked_for(words: Sequence[str]) -> argparse.Namespace:
    """What a command asks for; it ends with a line where it cannot be meant."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.memory")
    parser.add_argument("--only", type=_several, default=tuple(RECORDS))
    parser.add_argument("--records", type=int)
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--clients", type=int, default=8, help="of the parts service and cassandra")
    parser.add_argument("--peers", type=_several)
    asked = parser.parse_args(words)
    if unknown := set(asked.only) - RECORDS.keys():
        parser.error(f"--only: there is no part {', '.join(sorted(unknown))}; there are {', '.join(RECORDS)}")
    return asked


def measure(part: str, records: int, asked: argparse.Namespace) -> None:
    """Measure one part among so many records; nothing is left of it."""
    from tests.bench.memory import cassandra, index, kept, large, service, watching
    from tests.bench.memory.peers import KEEPING, SEARCHED
    from tests.bench.memory.workload import Workload

    load = service.Load(clients=asked.clients, seconds=asked.seconds)
    how = {
        "index": index.measure,
        "service": lambda work: service.measure(work, SEARCHED if asked.peers is None else asked.peers, load),
        "watch": lambda work: watching.measure(work, asked.seconds),
        "kept": lambda work: kept.measure(work, KEEPING if asked.peers is None else asked.peers),
        "ready": large.ready,
        "million": lambda work: large.million(work, asked.seconds),
        "cassandra": lambda work: cassandra.measure(work, asked.seconds, asked.clients, nodes=1, replicas=1),
    }
    with tempfile.TemporaryDirectory() as folder:
        how[part](Workload.made(Path(folder), records, asked.dimensions))


def _several(said: str) -> tuple[str, ...]:
    return tuple(filter(None, said.split(",")))


if __name__ == "__main__":
    main()
