"""Tells whoever started the service where it listens: a file that is there, whole, once the service is ready."""

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written(path: Path | None, *, grpc: str, metrics: str) -> Generator[None]:
    """The file, for as long as the service runs; gone afterwards, unless another service has written its own by then."""
    if path is None:
        yield
        return
    said = {"grpc": grpc, "metrics": metrics, "pid": os.getpid()}
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.write_text(json.dumps(said))
    new.replace(path)
    try:
        yield
    finally:
        if path.exists() and json.loads(path.read_text()) == said:
            path.unlink()


def at(listen: str, port: int) -> str:
    """Where a server is that was asked to listen at `listen`, "host:port", and was given `port`."""
    return f"{listen.rpartition(':')[0]}:{port}"
