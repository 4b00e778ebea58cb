"""What a checkpoint costs: how long training waits for it, and what saving and reading take, against torch.save of the same bytes.

    python tests/bench/checkpoint.py [--mib 512] [--where DIR]

Peer and ours write to the same directory, and are measured in turn; each figure is the median. Blocked time is the wall
time of `Staging.take`, since that is when training stands still; the rest is another process's CPU time.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import torch
from tandem_objects import open_store
from tandem_trainer.checkpoint.commit import commit
from tandem_trainer.checkpoint.manifest import Manifest, PartInfo
from tandem_trainer.checkpoint.reader import Reader, load_manifest
from tandem_trainer.checkpoint.slices import Slice, Want
from tandem_trainer.checkpoint.staging import Staged, Staging, mapped
from tandem_trainer.checkpoint.writer import save_part

Result = TypeVar("Result")
State = Mapping[str, torch.Tensor]

TENSORS = 50
ROUNDS = 5


def main() -> None:
    """Measure and print JSON lines."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--mib", type=int, default=512, help="size of the state")
    arguments.add_argument("--where", type=Path, help="directory to write to; a temporary one when left out")
    chosen = arguments.parse_args()
    numbers = chosen.mib * (1 << 20) // 4 // TENSORS
    state = {f"layer.{number}": torch.randn(numbers) for number in range(TENSORS)}
    with tempfile.TemporaryDirectory(dir=chosen.where) as folder:
        measure(state, Path(folder))


def measure(state: State, folder: Path) -> None:
    """All figures, peers and ours taken in turn."""
    with_ours, with_peers = Ours(folder, state), Peers(folder, state)
    rounds: list[dict[str, float]] = []
    for step in range(ROUNDS):
        for tensor in state.values():
            tensor.add_(1)  # or chunks would be shared with the round before
        rounds.append({**with_peers.once(step), **with_ours.once(step)})
    figure = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    size = sum(tensor.nbytes for tensor in state.values())
    tell("checkpoint_blocked_seconds", figure["take"], "s", ("torch.save + fsync", figure["torch_save"]))
    tell("checkpoint_staging_copy_rate", size / figure["take"] / 1e9, "GB/s", ("memcpy", size / figure["memcpy"] / 1e9))
    tell("checkpoint_save_cpu_seconds", figure["save_cpu"], "s", ("torch.save + fsync, CPU", figure["torch_save_cpu"]))
    tell("checkpoint_save_seconds", figure["save"], "s", ("torch.save + fsync", figure["torch_save"]))
    tell("checkpoint_read_seconds", figure["fill"], "s", ("torch.load", figure["torch_load"]))
    tell("checkpoint_read_cpu_seconds", figure["fill_cpu"], "s", ("torch.load, CPU", figure["torch_load_cpu"]))


class Peers:
    """The usual way, made durable; and the plain copy that no staging can undercut."""

    def __init__(self, folder: Path, state: State) -> None:
        self._folder = folder
        self._state = state
        self._copies = {name: bytearray(tensor.nbytes) for name, tensor in state.items()}

    def once(self, step: int) -> dict[str, float]:
        """One checkpoint each way."""
        path = self._folder / f"{step}.pt"
        save, save_cpu, _ = timed(lambda: self._save(path))
        load, load_cpu, _ = timed(lambda: torch.load(path, weights_only=True))
        path.unlink()
        memcpy, _, _ = timed(self._copy)
        return {"torch_save": save, "torch_save_cpu": save_cpu, "torch_load": load, "torch_load_cpu": load_cpu, "memcpy": memcpy}

    def _save(self, path: Path) -> None:
        torch.save(dict(self._state), path)
        with path.open("rb") as file:
            os.fsync(file.fileno())

    def _copy(self) -> None:
        for name, tensor in self._state.items():
            memoryview(self._copies[name])[:] = octets(tensor)


class Ours:
    """Staged, uploaded, committed, read back."""

    def __init__(self, folder: Path, state: State) -> None:
        self._store = open_store((folder / "checkpoints").as_uri(), {})
        self._state = state
        self._back = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
        self._staging = Staging()
        self._staging.reserve(sum(tensor.nbytes for tensor in state.values()))

    def once(self, step: int) -> dict[str, float]:
        """One checkpoint each way."""
        take, _, staged = timed(lambda: self._staging.take(slices(self._state)))
        assert staged is not None
        save, save_cpu, manifest = timed(lambda: self._save(staged, step))
        fill, fill_cpu, _ = timed(lambda: Reader(self._store, manifest).fill(wants(self._back)))
        assert all(torch.equal(self._back[name], tensor) for name, tensor in self._state.items())
        self._staging.release(staged.generation)
        self._store.delete([manifest.key, *manifest.chunks])
        return {"take": take, "save": save, "save_cpu": save_cpu, "fill": fill, "fill_cpu": fill_cpu}

    def _save(self, staged: Staged, step: int) -> Manifest:
        what = PartInfo(run="bench", uid="u", attempt=1, claim=1, step=step, rank=0, world_size=1, at=datetime.now(UTC))
        part = save_part(self._store, what, staged.layout, mapped(staged.fd, staged.bytes))
        return load_manifest(self._store, commit(self._store, part, timeout_s=0).key)


def slices(state: State) -> list[Slice]:
    """All of the state, as one rank's slices."""
    return [
        Slice(tensor=name, shape=tuple(tensor.shape), dtype="float32", start=0, count=tensor.numel(), data=octets(tensor))
        for name, tensor in state.items()
    ]


def wants(state: State) -> list[Want]:
    """All of the state, to be filled."""
    return [Want(tensor=name, start=0, out=octets(tensor)) for name, tensor in state.items()]


def octets(tensor: torch.Tensor) -> memoryview:
    """A tensor's memory."""
    return tensor.numpy().data.cast("B")


def timed(deed: Callable[[], Result]) -> tuple[float, float, Result]:
    """Wall seconds, CPU seconds of this process, result."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = deed()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def tell(metric: str, value: float, unit: str, peer: tuple[str, float]) -> None:
    """One line of JSON; `ratio` is ours to the peer's."""
    name, of_peer = peer
    line = {"metric": metric, "value": round(value, 4), "unit": unit, "peer": {name: round(of_peer, 4)}}
    print(json.dumps({**line, "ratio": round(value / of_peer, 3)}))


if __name__ == "__main__":
    main()
