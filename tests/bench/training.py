"""What Tandem costs a training run: time to the first step, processor time per token, time that a checkpoint holds it up.

The peer is the same model, on the same tokens, under `torchrun` and DeepSpeed alone (`bare.py`), in the same minutes on the
same machine, by turns. Processor time is that of all processes together (shell, telemetry, agents, ranks), as the kernel
counts it; that of starting is taken off by running each twice, for few steps and for many.

    python tests/bench/training.py [--rounds N]      prints one JSON line a figure
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

BIN = Path(sys.executable).parent
FEW, MANY, EVERY = 10, 90, 10
MODEL = {"layers": 4, "width": 256, "heads": 4}
SPEC = {
    "trainer": {"deepspeed": {"zeroStage": 2, "microBatchSize": 4, "precision": "fp32", "model": MODEL}},
    "workers": 2,
    "data": {"fillInTheMiddle": 0},
}


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What one whole run took: seconds to its first step, processor seconds, and seconds blocked by each checkpoint."""

    first_step_s: float
    cpu_s: float
    blocked_s: tuple[float, ...] = ()


def tandem(folder: Path, steps: int, save_every: int) -> Ran:
    """`tandem run`, from the command to the end of all it started."""
    name = f"bench-{time.time_ns()}"
    phase = {"name": "only", "steps": steps, "contextLength": 128, "batchSize": 16, "learningRate": 0.001, "schedule": "constant"}
    spec = {**SPEC, "phases": [phase], "checkpoint": {"everySteps": save_every, "everySeconds": 10**6, "keepLast": 2}}
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump({"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": name}, "spec": spec}))
    began, cpu_s = _timed([str(BIN / "tandem"), "run", str(file)], folder)
    run = folder / "state" / "runs" / name
    steps_file = next(run.glob("workers/*-0/steps.jsonl"))
    first = datetime.fromisoformat(json.loads(steps_file.read_text().splitlines()[0])["at"]).timestamp()
    blocked = [
        _number(line, "stood still") / 1e3 for line in next(run.glob("workers/*-0/log")).read_text().splitlines() if "stood still" in line
    ]
    return Ran(first_step_s=first - began, cpu_s=cpu_s, blocked_s=tuple(blocked))


def bare(folder: Path, steps: int, save_every: int) -> Ran:
    """`torchrun`, likewise."""
    job, out = folder / "job.json", folder / "bare.jsonl"
    phase = {"name": "only", "steps": steps, "contextLength": 128, "batchSize": 16, "learningRate": 0.001}
    trainer = {"kind": "deepspeed", **SPEC["trainer"]["deepspeed"]}  # type: ignore[index]
    job.write_text(json.dumps({"name": "bare", "trainer": trainer, "phases": [phase], "checkpoint": {"uri": "file:///nowhere"}}))
    shards = next((folder / "cache").glob("**/index.json")).parent
    command = [str(BIN / "torchrun"), "--nproc-per-node", "2", str(Path(__file__).with_name("bare.py")), str(job), str(shards), str(out)]
    began, cpu_s = _timed([*command, "--save-every", str(save_every if save_every <= steps else 0)], folder)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    blocked = tuple(line["blocked"] for line in lines if "blocked" in line)
    return Ran(first_step_s=lines[0]["at"] - began, cpu_s=cpu_s, blocked_s=blocked)


def _timed(command: list[str], folder: Path) -> tuple[float, float]:
    ours = {
        "TANDEM_STATE": str(folder / "state"),
        "TANDEM_CACHE": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "lo",
    }
    began = time.time()
    process = subprocess.Popen(command, env={**os.environ, **ours}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed:\n{said.decode()[-3000:]}")
    return began, used.ru_utime + used.ru_stime


def _number(line: str, after: str) -> float:
    return float(line.split(after)[1].split(maxsplit=1)[0])


def figure(metric: str, pairs: list[tuple[float, float]], unit: str, **more: Any) -> Mapping[str, Any]:
    """One line: our median, the peer's, and the median of the ratios pair by pair."""
    ours, peer = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(mine / theirs for mine, theirs in pairs)
    return {"metric": metric, "value": round(ours, 5), "unit": unit, "peer": round(peer, 5), "ratio": round(ratio, 4), **more}


def main() -> None:
    """Measure, by turns."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    rounds = range(parser.parse_args().rounds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tandem(folder, FEW, MANY)  # warms the page cache, prepares the data
        few = [(tandem(folder, FEW, 10**6), bare(folder, FEW, 10**6)) for _ in rounds]
        many = [(tandem(folder, MANY, 10**6), bare(folder, MANY, 10**6)) for _ in rounds]
        saving = [(tandem(folder, MANY, EVERY), bare(folder, MANY, EVERY)) for _ in rounds]
    start = [(ours.first_step_s, peer.first_step_s) for ours, peer in few + many]
    plain = [(o.cpu_s - fo.cpu_s, p.cpu_s - fp.cpu_s) for (o, p), (fo, fp) in zip(many, few, strict=True)]
    saved = [(o.cpu_s - fo.cpu_s, p.cpu_s - fp.cpu_s) for (o, _), (_, p), (fo, fp) in zip(saving, many, few, strict=True)]
    blocked = [(statistics.median(ours.blocked_s), statistics.median(peer.blocked_s)) for ours, peer in saving]
    tokens = (MANY - FEW) * 16 * 128
    per_token = [[(o / tokens * 1e6, p / tokens * 1e6) for o, p in pairs] for pairs in (plain, saved)]
    print(json.dumps(figure("command to first optimizer step", start, "s", limit=1.25)))
    print(json.dumps(figure("processor time per token", per_token[0], "us", limit=round(1 / 0.97, 3))))
    print(json.dumps(figure("processor time per token, checkpoint every 10 steps", per_token[1], "us", limit=round(1 / 0.95, 3))))
    print(json.dumps(figure("training blocked per checkpoint, peer save_checkpoint", blocked, "s", limit=0.1)))


if __name__ == "__main__":
    main()
