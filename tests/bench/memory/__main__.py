"""Speed of the shared memory, beside peers that do the same on the same machine in the same run: `python -m tests.bench.memory`.

    python -m tests.bench.memory [--records 100000] [--dimensions 384] [--seconds 5] [--only index|service] [--peers pgvector,chroma,qdrant]

One JSON line each: {metric, value, unit, peer|floor, ratio}. The index alone is measured against every row multiplied; the service
over gRPC against pgvector and Chroma, which are servers, and Qdrant edge, which is a library in the caller's process. All are asked
for the same: ten nearest of unit vectors, with their texts, at the least effort that gives recall@10 of .95. Peers live in an
environment of their own (`peers.environment`), made once. `ratio` is ours by the peer's: for rates more is better, for times less.
"""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

from tests.bench.memory.peers import PEERS


def main() -> None:
    """Measure all in a temporary folder (TMPDIR), which should be on the disk that a store would be on."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers are ended too
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # as the service has it; read when numpy is loaded, so not before
    from tests.bench.memory import index, service
    from tests.bench.memory.workload import Workload

    parser = argparse.ArgumentParser(prog="python -m tests.bench.memory")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--only", choices=("index", "service"))
    parser.add_argument("--peers", default=",".join(name for name in PEERS if name != "tandem"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Workload.made(Path(temporary), asked.records, asked.dimensions)
        if asked.only != "service":
            index.measure(work)
        if asked.only != "index":
            service.measure(work, tuple(filter(None, asked.peers.split(","))), asked.seconds)


if __name__ == "__main__":
    main()
