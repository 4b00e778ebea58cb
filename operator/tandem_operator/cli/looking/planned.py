"""The plan for a run as it is printed: phases, tokens, dollars, and the command line of every worker with its environment."""

import json
import shlex
from dataclasses import dataclass
from decimal import Decimal

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cli.show import overview
from tandem_operator.local.machine import foreseen
from tandem_operator.local.state.home import Home
from tandem_operator.local.state.run_folder import RunFolder
from tandem_operator.plan.preview import Preview, preview
from tandem_operator.render.process import Process, process

_LATER = "Ports stand as 0: free ones are chosen at the start. The environment of this shell that training needs comes on top."


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A run, and what would be started next for it."""

    run: TrainingRun
    folder: RunFolder
    preview: Preview
    processes: tuple[Process, ...]

    @classmethod
    def of(cls, run: TrainingRun) -> "Planned":
        """The plan for `run` on this machine, after what it has done here before."""
        folder = Home.of().run(run.name)
        if folder.exists:
            run = run.model_copy(update={"status": folder.status()})
        seen = preview(run, hours=Decimal(1))
        site = foreseen(folder)
        return cls(run=run, folder=folder, preview=seen, processes=tuple(process(worker, site) for worker in seen.workers))

    def told(self) -> dict[str, object]:
        """The plan for programs."""
        seen = self.preview
        return {
            "name": self.run.name,
            "attempt": self.run.status.attempt + 1,
            "steps": seen.steps,
            "tokens": seen.tokens,
            "phases": [{"name": phase.name, "steps": phase.steps, "tokens": phase.tokens} for phase in seen.phases],
            "usdPerHour": float(seen.usd_per_hour),
            "budgetLeftUsd": None if seen.budget_left_usd is None else float(seen.budget_left_usd),
            "budgetLastsSeconds": None if seen.budget_lasts is None else seen.budget_lasts.total_seconds(),
            "checkpoints": self.run.spec.checkpoint.uri or self.folder.checkpoints,
            "processes": [_told(worker) for worker in self.processes],
        }


def tell(planned: Planned) -> None:
    """Print the plan for people."""
    print("\n".join(overview.lines(planned.run, planned.folder)))
    for phase in planned.preview.phases:
        print(f"  {phase.name:<24} {phase.steps:>12,} steps {phase.tokens:>16,} tokens")
    for worker in planned.processes:
        print(f"\n# {worker.name}, in {worker.directory}")
        for name, value in sorted(worker.environment.items()):
            print(f"{name}={_quoted(name, value)} \\")
        print(shlex.join(worker.argv))
    print(f"\n{_LATER}")


def _quoted(name: str, value: str) -> str:
    return shlex.quote(json.dumps(json.loads(value), indent=1) if name == "TANDEM_JOB" else value)


def _told(worker: Process) -> dict[str, object]:
    return {
        "name": worker.name,
        "argv": list(worker.argv),
        "environment": dict(worker.environment),
        "directory": str(worker.directory),
    }
