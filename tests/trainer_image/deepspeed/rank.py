"""One rank that makes small training runs, one behind the other: `python rank.py '[{...}]'`, with torchrun's variables set."""

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tandem_trainer.checkpoint.slices import Want
from tandem_trainer.deepspeed import engine
from tandem_trainer.deepspeed.train import DeepSpeedTrainer
from tandem_trainer.job import Run
from tandem_trainer.refusal import Refusal
from tandem_trainer.schedule import positions
from tandem_trainer.world import World


def save(trainer: DeepSpeedTrainer, folder: Path, rank: int) -> None:
    """What a checkpoint would hold of this rank, in a plain file; the layout is checked by whoever loads it."""
    folder.mkdir(parents=True, exist_ok=True)
    slices = list(trainer.slices())
    names = [[each.tensor, list(each.shape), each.dtype, each.start, each.count] for each in slices]
    arrays = {str(number): np.frombuffer(bytes(each.data), dtype=np.uint8) for number, each in enumerate(slices)}
    np.savez(folder / f"{rank}.npz", names=np.array(json.dumps(names)), **arrays)


def load(folder: Path) -> dict[str, np.ndarray]:
    """All tensors that the ranks saved, whole: no number missing, none saved twice."""
    tensors: dict[str, np.ndarray] = {}
    written: dict[str, np.ndarray] = {}
    for path in sorted(folder.glob("*.npz")):
        saved = np.load(path)
        for number, (name, shape, dtype, start, count) in enumerate(json.loads(str(saved["names"]))):
            size = int(np.prod(shape))
            whole = tensors.setdefault(name, np.zeros(size, dtype=dtype))
            times = written.setdefault(name, np.zeros(size, dtype=np.int8))
            whole[start : start + count] = saved[str(number)].view(dtype)
            times[start : start + count] += 1
    assert all((times == 1).all() for times in written.values()), "slices leave gaps or overlap"
    return tensors


def restore(trainer: DeepSpeedTrainer, folder: Path) -> None:
    """Take back what `save` wrote, whatever the number of ranks then and now."""
    tensors = load(folder)

    def fill(wants: Iterable[Want]) -> None:
        for want in wants:
            numbers = tensors[want.tensor].view(np.uint8)
            first = want.start * tensors[want.tensor].itemsize
            want.out[:] = numbers[first : first + len(want.out)].data

    trainer.restore(fill)


def train(told: dict, world: World) -> dict:
    """Make the steps from `first` to `last`, saving before step `save_at`, or giving up step `stop_at` and saving then."""
    run = Run.model_validate(told["run"])
    folders = told["shards_of_ranks"][world.rank] if "shards_of_ranks" in told else told["shards"]
    trainer = DeepSpeedTrainer(run, world, [Path(folder) for folder in folders])
    if told.get("restore"):
        restore(trainer, Path(told["restore"]))
    losses, norms, phase = [], [], None
    for at in positions(run.phases, told["first"]):
        if at.step == told.get("save_at"):
            save(trainer, Path(told["save"]), world.rank)
        if at.step == told["last"]:
            break
        if at.phase_index != phase:
            phase = at.phase_index
            trainer.begin(at.phase_index, at.phase)
        report = trainer.step(at, lambda at=at: at.step == told.get("stop_at"))
        if report is None:
            save(trainer, Path(told["save"]), world.rank)
            break
        losses.append(report.loss)
        norms.append(report.gradient_norm)
    compilers = sorted({"torch._dynamo", "torch._inductor"} & set(sys.modules))
    return {"losses": losses, "norms": norms, "parameters": trainer.parameters, "compilers": compilers}


def settings(*args: Any) -> dict[str, Any]:
    """Engine settings under which ZeRO-3 splits small weights, too; by default it would leave all of ours whole."""
    chosen = usual_settings(*args)
    chosen["zero_optimization"]["stage3_param_persistence_threshold"] = 1000
    return chosen


def main() -> None:
    world = World.from_environment(os.environ)
    world.join()
    reports = []
    for told in json.loads(sys.argv[1]):
        try:
            reports.append(train(told, world))
        except Refusal as refusal:
            reports.append({"refused": str(refusal)})
    Path(sys.argv[2], f"{world.rank}.json").write_text(json.dumps(reports))
    torch.distributed.barrier()
    os._exit(0)


usual_settings, engine.settings = engine.settings, settings
if __name__ == "__main__":
    main()
