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
from tandem_objects import Store, open_store
from tandem_trainer.checkpoint.commit import commit
from tandem_trainer.checkpoint.manifest import Part, PartInfo
from tandem_trainer.checkpoint.reader import Reader, load_manifest
from tandem_trainer.checkpoint.slices import Slice, Want
from tandem_trainer.checkpoint.staging import Staging, mapped
from tandem_trainer.checkpoint.writer import save_part

Result = TypeVar("Result")

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


def measure(state: Mapping[str, torch.Tensor], folder: Path) -> None:
    """All figures, peers and ours taken in turn."""
    store = open_store((folder / "checkpoints").as_uri(), {})
    staging = Staging()
    size = sum(tensor.nbytes for tensor in state.values())
    spare = bytearray(size)
    staging.reserve(size)
    rounds = [one_round(state, staging, store, folder, spare, step) for step in range(ROUNDS)]
    figure = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    tell("checkpoint_blocked_seconds", figure["take"], "s", "torch.save + fsync", figure["torch_save"])
    tell("checkpoint_staging_copy_rate", size / figure["take"] / 1e9, "GB/s", "memcpy", size / figure["memcpy"] / 1e9)
    tell("checkpoint_save_cpu_seconds", figure["save_cpu"], "s", "torch.save + fsync, CPU", figure["torch_save_cpu"])
    tell("checkpoint_save_seconds", figure["save"], "s", "torch.save + fsync", figure["torch_save"])
    tell("checkpoint_read_seconds", figure["fill"], "s", "torch.load", figure["torch_load"])


def one_round(
    state: Mapping[str, torch.Tensor], staging: Staging, store: Store, folder: Path, spare: bytearray, step: int
) -> dict[str, float]:
    """One checkpoint each way. The numbers change between rounds, so that nothing is shared with the round before."""
    for tensor in state.values():
        tensor.add_(1)
    whole = memoryview(bytes(spare))
    times: dict[str, float] = {}
    times["torch_save"], times["torch_save_cpu"], _ = timed(lambda: torch_save(state, folder / "peer.pt"))
    times["torch_load"], _, _ = timed(lambda: torch.load(folder / "peer.pt", weights_only=True))
    times["memcpy"], _, _ = timed(lambda: memoryview(spare).__setitem__(slice(None), whole))
    times["take"], _, staged = timed(lambda: staging.take(slices(state)))
    assert staged is not None
    what = PartInfo(run="bench", uid="u", attempt=1, claim=1, step=step, rank=0, world_size=1, at=datetime.now(UTC))
    buffer = mapped(staged.fd, staged.bytes)
    times["save"], times["save_cpu"], key = timed(lambda: saved(store, save_part(store, what, staged.layout, buffer)))
    staging.release(staged.generation)
    reader = Reader(store, load_manifest(store, key))
    back = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
    times["fill"], _, _ = timed(lambda: reader.fill(Want(tensor=name, start=0, out=octets(tensor)) for name, tensor in back.items()))
    assert all(torch.equal(back[name], tensor) for name, tensor in state.items())
    return times


def saved(store: Store, part: Part) -> str:
    """The key of the committed checkpoint."""
    return commit(store, part, timeout_s=0).key


def slices(state: Mapping[str, torch.Tensor]) -> list[Slice]:
    """All of the state, as one rank's slices."""
    return [
        Slice(tensor=name, shape=tuple(tensor.shape), dtype="float32", start=0, count=tensor.numel(), data=octets(tensor))
        for name, tensor in state.items()
    ]


def octets(tensor: torch.Tensor) -> memoryview:
    """A tensor's memory."""
    return memoryview(tensor.numpy()).cast("B")


def torch_save(state: Mapping[str, torch.Tensor], path: Path) -> None:
    """The usual way, made durable."""
    torch.save(dict(state), path)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def timed(deed: Callable[[], Result]) -> tuple[float, float, Result]:
    """Wall seconds, CPU seconds of this process, result."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = deed()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def tell(metric: str, value: float, unit: str, peer: str, of_peer: float) -> None:
    """One line of JSON; `ratio` is ours to the peer's."""
    print(
        json.dumps(
            {
                "metric": metric,
                "value": round(value, 4),
                "unit": unit,
                "peer": {peer: round(of_peer, 4)},
                "ratio": round(value / of_peer, 4),
            }
        )
    )


if __name__ == "__main__":
    main()
