"""One rank that makes small training runs, one behind the other: `python rank.py '[{...}]' FOLDER`, with torchrun's variables set."""

import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import torch
from saved import save, saved  # its own folder comes first on the path of a program
from tandem_trainer.deepspeed import engine
from tandem_trainer.deepspeed.train import DeepSpeedTrainer
from tandem_trainer.job import Run
from tandem_trainer.rank.schedule import positions
from tandem_trainer.rank.world import World
from tandem_trainer.refusal import Refusal


def train(told: dict, world: World) -> dict:
    """Make the steps from `first` to `last`, saving before step `save_at`, or giving up step `stop_at` and saving then."""
    run = Run.model_validate(told["run"])
    folders = told["shards_of_ranks"][world.rank] if "shards_of_ranks" in told else told["shards"]
    trainer = DeepSpeedTrainer(run, world, [Path(folder) for folder in folders])
    if told.get("restore"):
        trainer.restore(saved(Path(told["restore"])))
    losses, norms, phase = [], [], None
    for at in positions(run.phases, told["first"]):
        if at.step == told.get("save_at"):
            save(trainer.slices(), Path(told["save"]), world)
        if at.step == told["last"]:
            break
        if at.phase_index != phase:
            phase = at.phase_index
            trainer.begin(at.phase_index, at.phase)
        report = trainer.step(at, lambda at=at: at.step == told.get("stop_at"))
        if report is None:
            save(trainer.slices(), Path(told["save"]), world)
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


def main(runs: list[dict[str, Any]], out: Path) -> NoReturn:
    world = World.from_environment(os.environ)
    world.join()
    reports = []
    for told in runs:
        try:
            reports.append(train(told, world))
        except Refusal as refusal:
            reports.append({"refused": str(refusal)})
    (out / f"{world.rank}.json").write_text(json.dumps(reports))
    torch.distributed.barrier()
    os._exit(0)


usual_settings, engine.settings = engine.settings, settings
if __name__ == "__main__":
    main(json.loads(sys.argv[1]), Path(sys.argv[2]))
