"""A whole worker: the agent as a process of its own, with small scripts to train."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tandem_objects import Store, open_store
from tandem_trainer.checkpoint.reader import newest

from tests.parts.running import free_port

STEPS = 60
TRAIN = """
import os, signal, time, torch
from tandem_trainer import script
class Momentum:  # an optimizer of torch would load its compiler, which takes as long again as torch itself
    def __init__(self, weights):
        self.weights = list(weights)
        self.moments = [torch.zeros_like(weight) for weight in self.weights]
    def state_dict(self):
        return {"moments": self.moments}
    def load_state_dict(self, state):
        self.moments = state["moments"]
    def zero_grad(self):
        for weight in self.weights:
            weight.grad = None
    @torch.no_grad()
    def step(self):
        for weight, moment in zip(self.weights, self.moments):
            weight -= 0.01 * moment.mul_(0.9).add_(weight.grad)
model = torch.nn.Linear(3, 3)
optimizer = Momentum(model.parameters())
with script.begin(model=model, optimizer=optimizer) as run:
    asked, heed = [], signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *told: (asked.append(told), heed(*told)))
    for at in run.steps():
        while str(at.step) == os.environ.get("HOLD_BEFORE") and not asked and not os.path.exists(os.environ["TANDEM_SCRATCH"] + "/../go"):
            time.sleep(0.02)
        print(f"rank {os.getpid()} step {at.step}\\n", end="", flush=True)  # in one piece: another rank writes to the same pipe
        time.sleep(0.01)
        optimizer.zero_grad()
        loss = model(torch.ones(3)).square().sum()
        loss.backward()
        optimizer.step()
        run.report(loss=loss.item(), tokens=3)
print("after the last step", flush=True)
"""
WITH_ADAMW = TRAIN.replace("Momentum(model.parameters())", "torch.optim.AdamW(model.parameters(), lr=0.01)")


class Worker:
    """One worker's place on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.attempt = folder, 0
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        self.uri = (folder / "kept").as_uri()
        self.environ: dict[str, str] = {}  # HOLD_BEFORE: a step before which TRAIN stands still until it is asked to leave, or may go on
        self.spec: dict[str, Any] = {}
        self.ranks = 1

    @property
    def store(self) -> Store:
        """Where its checkpoints are."""
        return open_store(self.uri, self.environ)

    def start(self, program: str | None = TRAIN) -> subprocess.Popen[str]:
        """Start an attempt at a script; None leaves the script out."""
        self.attempt += 1
        path = self.folder / "train.py"
        if program is not None:
            path.write_text(program)
        return subprocess.Popen(
            [sys.executable, "-m", "tandem_trainer.agent"],
            env={**os.environ, **self._environment(path), **self.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def go(self) -> None:
        """Let an attempt go on that stands still, and all that come after it."""
        (self.folder / "go").touch()

    def run(self, program: str | None = TRAIN) -> tuple[int, str]:
        """Make an attempt; the exit code and what was printed."""
        return ended(self.start(program))

    def last_words(self) -> tuple[int, str]:
        told = json.loads((self.scratch / "exit").read_text())
        return told["code"], told["message"]

    def steps(self) -> list[int]:
        """The steps that were reported, over all attempts."""
        return [json.loads(line)["step"] for line in (self.scratch / "steps.jsonl").read_text().splitlines()]

    def kept(self) -> int:
        """The step of the newest checkpoint; 0 where there is none."""
        manifest = newest(self.store).manifest
        return manifest.step if manifest is not None else 0

    def _environment(self, script: Path) -> dict[str, str]:
        job = {
            "name": "r",
            "uid": "u",
            "trainer": {"kind": "script", "path": str(script)},
            "phases": [{"name": "a", "steps": STEPS}],
            "checkpoint": {"uri": self.uri, "everySteps": 25},
            **self.spec,
        }
        return {
            "TANDEM_JOB": json.dumps(job),
            "TANDEM_ATTEMPT": str(self.attempt),
            "TANDEM_WORKER_RANK": "0",
            "TANDEM_WORKERS": "1",
            "TANDEM_RANKS_PER_WORKER": str(self.ranks),
            "TANDEM_RENDEZVOUS": f"127.0.0.1:{free_port()}",
            "TANDEM_SCRATCH": str(self.scratch),
            "TANDEM_CACHE": str(self.folder / "cache"),
            "OMP_NUM_THREADS": "1",
        }


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end of an agent and of all that print where it prints."""
    assert process.stdout is not None
    with process:
        printed = process.stdout.read()
    return process.returncode, printed


def until(process: subprocess.Popen[str], what: str) -> str:
    """The first line that holds `what`."""
    assert process.stdout is not None
    return next(line for line in process.stdout if what in line)
