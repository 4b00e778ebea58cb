"""Speed of the stores, beside peers that do the same on the same machine in the same run: `python -m tests.bench.objects`.

One JSON line each: {metric, value, unit, peer, ratio}. `ratio` is ours by the peer's: for rates, more is better; for
latencies, less. Both sides take turns, and the median of each counts, so that a busy moment of the machine hits both.
"""

import json
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path
from statistics import median

from minio import Minio
from tandem_objects import Store, open_store

from tests.parts.minio_server import MINIO, MinioServer, serving
from tests.parts.part import obtain

_MIB = 1 << 20
_LARGE = 64 * _MIB  # the largest chunk of a checkpoint
_SMALL = 2000  # bytes; about a claim or a small manifest
_ROUNDS = 7
_COMMITS = 50


def main() -> None:
    """Measure all, in a temporary folder (TMPDIR), which should be on the disk that checkpoints would go to."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        data = memoryview(os.urandom(_LARGE))
        source = folder / "source"
        source.write_bytes(data)
        directory(open_store((folder / "store").as_uri(), {}), data, source)
        program = obtain(MINIO, os.environ, lambda line: print(line, file=sys.stderr))
        with serving(program, folder / "drive", folder / "log") as server:
            bucket(server, data, source)


def directory(store: Store, data: memoryview, source: Path) -> None:
    """A directory, beside `cp` with fsync."""
    peer = source.with_name("peer")
    rate("directory.put_large", partial(store.put_large, "large", data), partial(_copy, source, peer), "cp+fsync")
    out = memoryview(bytearray(_LARGE))
    rate("directory.get_range_into", partial(store.get_range_into, "large", 0, out), partial(_read, source, out), "readinto")
    latency(
        "directory.put_if_absent", partial(_commit, store), partial(_create, peer.with_name("peers")), "create+fsync+fsync of the folder"
    )


def bucket(server: MinioServer, data: memoryview, source: Path) -> None:
    """A bucket of MinIO, beside plain minio-py."""
    name = server.new_bucket()
    store, client = open_store(f"s3://{name}/ours", server.environ), server.client
    put = partial(client.fput_object, name, "peer", str(source))
    rate("s3.put_large", partial(store.put_large, "large", data), put, "minio-py fput_object")
    out = memoryview(bytearray(_LARGE))
    get = partial(client.fget_object, name, "peer", str(source.with_name("fetched")))
    rate("s3.get_range_into", partial(store.get_range_into, "large", 0, out), get, "minio-py fget_object")
    latency("s3.put_if_absent", partial(_commit, store), partial(_put, client, name), "minio-py put_object, unconditional")


def rate(metric: str, ours: Callable[[], object], peers: Callable[[], object], peer: str) -> None:
    """MiB a second of moving a large object."""
    our_s, peer_s = _turns(ours, peers, _ROUNDS)
    _print(metric, _LARGE / _MIB / our_s, "MiB/s", peer, peer_s / our_s)


def latency(metric: str, ours: Callable[[], object], peers: Callable[[], object], peer: str) -> None:
    """Milliseconds of one small commit."""
    our_s, peer_s = _turns(ours, peers, _COMMITS)
    _print(metric, our_s * 1000, "ms", peer, our_s / peer_s)


def _turns(ours: Callable[[], object], peers: Callable[[], object], rounds: int) -> tuple[float, float]:
    ours()
    peers()  # caches and connections are warm from here on
    took = [(_seconds(ours), _seconds(peers)) for _ in range(rounds)]
    return median(our for our, _ in took), median(peer for _, peer in took)


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _print(metric: str, value: float, unit: str, peer: str, ratio: float) -> None:
    print(json.dumps({"metric": metric, "value": round(value, 2), "unit": unit, "peer": peer, "ratio": round(ratio, 2)}), flush=True)


def _commit(store: Store) -> None:
    assert store.put_if_absent(f"commits/{secrets.token_hex(8)}", bytes(_SMALL))


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    _sync(target)


def _read(source: Path, out: memoryview) -> None:
    with source.open("rb", buffering=0) as file:
        file.readinto(out)


def _put(client: Minio, bucket: str) -> None:
    client.put_object(bucket, f"peers/{secrets.token_hex(8)}", BytesIO(bytes(_SMALL)), _SMALL)


def _create(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / secrets.token_hex(8)
    path.write_bytes(bytes(_SMALL))
    _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


if __name__ == "__main__":
    main()
