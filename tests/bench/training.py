"""What Tandem costs a training run: time to the first step, processor time per token, time that a checkpoint holds it up.

The peer is the same model, on the same tokens, under `torchrun` and DeepSpeed alone (`bare.py`), in the same minutes on the
same machine, by turns. Processor time is that of all processes together (shell, telemetry, agents, ranks), as the kernel
counts it; that of starting is taken off by running each twice, for few steps and for many.

    python -m tests.bench.training [--rounds N] [--gpu]      prints one JSON line a figure

With `--gpu` it is a model of the size of GPT-2 small, on one card (NVIDIA or ROCm), and time per token is that of the clock.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import yaml

BIN = Path(sys.executable).parent
FEW, MANY, EVERY = 10, 90, 10
BATCH = 16  # sequences of a step


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where is trained, and what: on processors a model that they can carry, on a card one that keeps it busy."""

    deepspeed: Mapping[str, Any]
    workers: int
    context: int
    more: Mapping[str, Any]

    @property
    def spec(self) -> Mapping[str, Any]:
        """What both of its runs have in common."""
        return {"trainer": {"deepspeed": self.deepspeed}, "workers": self.workers, "data": {"fillInTheMiddle": 0}, **self.more}

    def phase(self, steps: int) -> Mapping[str, Any]:
        """Their only phase."""
        return {"name": "only", "steps": steps, "contextLength": self.context, "batchSize": BATCH, "learningRate": 0.001}


PROCESSORS = Place(
    deepspeed={"zeroStage": 2, "microBatchSize": 4, "precision": "fp32", "model": {"layers": 4, "width": 256, "heads": 4}},
    workers=2,
    context=128,
    more={},
)
CARD = Place(
    deepspeed={"zeroStage": 2, "microBatchSize": 8, "precision": "bf16", "model": {"layers": 12, "width": 768, "heads": 12}},
    workers=1,
    context=1024,
    more={"gpusPerWorker": 1, "accelerator": "nvidia"},
)


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What one whole run took, in seconds: to its first step, from there to its last, of processors, and of waits for checkpoints."""

    first_step_s: float
    stepping_s: float
    cpu_s: float
    blocked_s: tuple[float, ...] = ()


Pairs: TypeAlias = Sequence[tuple[Ran, Ran]]
"""Ours and the peer's, by turns."""


def tandem(place: Place, folder: Path, steps: int, save_every: int) -> Ran:
    """`tandem run`, from the command to the end of all it started."""
    name = f"bench-{time.time_ns()}"
    phase = {
        "name": "only",
        "steps": steps,
        "contextLength": place.context,
        "batchSize": BATCH,
        "learningRate": 0.001,
        "schedule": "constant",
    }
    spec = {**place.spec, "phases": [phase], "checkpoint": {"everySteps": save_every, "everySeconds": 10**6, "keepLast": 2}}
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump({"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": name}, "spec": spec}))
    began, cpu_s = _timed([str(BIN / "tandem"), "run", str(file)], folder)
    run = folder / "state" / "runs" / name
    steps_file = next(run.glob("workers/*-0/steps.jsonl"))
    ends = [datetime.fromisoformat(json.loads(line)["at"]).timestamp() for line in steps_file.read_text().splitlines()]
    blocked = [
        _number(line, "stood still") / 1e3 for line in next(run.glob("workers/*-0/log")).read_text().splitlines() if "stood still" in line
    ]
    return Ran(first_step_s=ends[0] - began, stepping_s=ends[-1] - ends[0], cpu_s=cpu_s, blocked_s=tuple(blocked))


def bare(place: Place, folder: Path, steps: int, save_every: int) -> Ran:
    """`torchrun`, likewise."""
    job, out = folder / "job.json", folder / "bare.jsonl"
    phase = place.phase(steps)
    trainer = {"kind": "deepspeed", **place.deepspeed}
    job.write_text(json.dumps({"name": "bare", "trainer": trainer, "phases": [phase], "checkpoint": {"uri": "file:///nowhere"}}))
    shards = next((folder / "cache").glob("**/index.json")).parent
    command = [
        str(BIN / "torchrun"),
        "--nproc-per-node",
        str(place.workers),
        str(Path(__file__).with_name("bare.py")),
        str(job),
        str(shards),
        str(out),
    ]
    began, cpu_s = _timed([*command, "--save-every", str(save_every if save_every <= steps else 0)], folder)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    blocked = tuple(line["blocked"] for line in lines if "blocked" in line)
    ends = [line["at"] for line in lines if "at" in line]
    return Ran(first_step_s=ends[0] - began, stepping_s=ends[-1] - ends[0], cpu_s=cpu_s, blocked_s=blocked)


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
    parser.add_argument("--gpu", action="store_true", help="on a card instead of two processors")
    asked = parser.parse_args()
    place, rounds = (CARD if asked.gpu else PROCESSORS), range(asked.rounds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tandem(place, folder, FEW, MANY)  # warms the page cache, prepares the data
        few, many, saving = (
            [(tandem(place, folder, steps, every), bare(place, folder, steps, every)) for _ in rounds]
            for steps, every in ((FEW, 10**6), (MANY, 10**6), (MANY, EVERY))
        )
    start = [(ours.first_step_s, peer.first_step_s) for ours, peer in few + many]
    blocked = [(statistics.median(ours.blocked_s), statistics.median(peer.blocked_s)) for ours, peer in saving]
    print(json.dumps(figure("command to first optimizer step", start, "s", limit=1.25)))
    for line in _by_the_clock(place, many) if asked.gpu else _by_the_processors(place, few, many, saving):
        print(json.dumps(line))
    print(json.dumps(figure("training blocked per checkpoint, peer save_checkpoint", blocked, "s", limit=0.1)))


def _by_the_clock(place: Place, many: Pairs) -> Iterator[Mapping[str, Any]]:
    """A card works beside the processors, whose time then says nothing."""
    us = 1e6 / ((MANY - 1) * BATCH * place.context)
    yield figure("time per token", [(ours.stepping_s * us, peer.stepping_s * us) for ours, peer in many], "us", limit=round(1 / 0.97, 3))


def _by_the_processors(place: Place, few: Pairs, many: Pairs, saving: Pairs) -> Iterator[Mapping[str, Any]]:
    us = 1e6 / ((MANY - FEW) * BATCH * place.context)
    while_saving = [(ours, peer) for (ours, _), (_, peer) in zip(saving, many, strict=True)]
    for more, pairs, limit in ("", many, 0.97), (", checkpoint every 10 steps", while_saving, 0.95):
        longer = [((o.cpu_s - fo.cpu_s) * us, (p.cpu_s - fp.cpu_s) * us) for (o, p), (fo, fp) in zip(pairs, few, strict=True)]
        yield figure(f"processor time per token{more}", longer, "us", limit=round(1 / limit, 3))


if __name__ == "__main__":
    main()
