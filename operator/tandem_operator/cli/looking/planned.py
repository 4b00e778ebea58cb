"""The plan for a run as it is printed: phases, tokens, dollars, and the command line of every worker."""

from dataclasses import dataclass
from decimal import Decimal

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.reading.change import changes
from tandem_operator.api.status import RunPhase
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cli.dual import planned as pair
from tandem_operator.cli.show import onward, overview, processes, words
from tandem_operator.local.machine import foreseen
from tandem_operator.local.processor import has_bfloat16
from tandem_operator.local.state import wanted
from tandem_operator.local.state.home import Home
from tandem_operator.local.state.run_folder import RunFolder
from tandem_operator.plan import experts
from tandem_operator.plan.preview import Preview, preview
from tandem_operator.render.process import Process, process

from .estimate import Estimate

_LATER = "Ports stand as 0: free ones are chosen at the start. The environment of this shell that training needs comes on top."


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A run, and what would be started next for it."""

    run: TrainingRun
    folder: RunFolder
    preview: Preview
    processes: tuple[Process, ...]
    changed: tuple[str, ...]
    estimate: Estimate | None

    @classmethod
    def of(cls, run: TrainingRun) -> "Planned":
        """The plan for `run` on this machine, after what it has done here before.

        Raises:
            SpecError: when `tandem run` would refuse what has changed since.
        """
        folder, changed = Home.of().run(run.name), ()
        if folder.exists:
            current = folder.run()
            run = wanted.merged(current, run)
            changed = changes(current.spec, run.spec)
        seen = preview(run, hours=Decimal(1))
        site = foreseen(folder)
        return cls(
            run=run,
            folder=folder,
            preview=seen,
            processes=tuple(process(worker, site) for worker in seen.workers),
            changed=changed,
            estimate=Estimate.of(run, folder),
        )

    @property
    def over(self) -> bool:
        """Whether `tandem run` would start nothing."""
        return self.run.status.phase is RunPhase.SUCCEEDED

    def tell(self, *, verbose: bool) -> None:
        """Print the plan for people; `verbose` with the whole environment of each worker."""
        _tell(self, verbose=verbose)

    def told(self) -> dict[str, object]:
        """The plan for programs."""
        seen = self.preview
        return {
            "name": self.run.name,
            "attempt": self.run.status.attempt + 1,
            "startsNothing": self.over,
            "changed": list(self.changed),
            "steps": seen.steps,
            "tokens": seen.tokens,
            "phases": [{"name": phase.name, "steps": phase.steps, "tokens": phase.tokens} for phase in seen.phases],
            "usdPerHour": None if seen.usd_per_hour is None else float(seen.usd_per_hour),
            "budgetLeftUsd": None if seen.budget_left_usd is None else float(seen.budget_left_usd),
            "budgetLastsSeconds": None if seen.budget_lasts is None else seen.budget_lasts.total_seconds(),
            "estimate": None if self.estimate is None else self.estimate.told(),
            "checkpoints": self.run.spec.checkpoint.uri or self.folder.checkpoints,
            "experts": _lying(self.run),
            "processes": [_told(worker) for worker in self.processes],
        }


def of(run: TrainingRun | DualRun) -> Planned | pair.Planned:
    """The plan for a run of either kind.

    Raises:
        SpecError: when `tandem run` would refuse what has changed since.
    """
    return pair.Planned.of(run) if isinstance(run, DualRun) else Planned.of(run)


def _tell(planned: Planned, *, verbose: bool) -> None:
    if planned.changed:
        print(f"{planned.run.name}: the file differs from what was run: {onward.in_short(planned.changed)}")
    if planned.over:
        done = words.progress(planned.run.status)
        print(f"{planned.run.name}: has ended, {done} steps done: `tandem run` would start nothing")
        return
    if planned.run.status.phase is RunPhase.FAILED:
        print(_after_failure(planned.run))
    print("\n".join(overview.lines(planned.run, planned.folder, bfloat16=has_bfloat16())))
    for phase in planned.preview.phases:
        print(f"  {phase.name:<24} {phase.steps:>12,} steps {phase.tokens:>16,} tokens")
    print(planned.estimate.said() if planned.estimate else "how long it takes and what it costs in all is not known before it has run")
    for worker in planned.processes:
        processes.tell(worker, verbose=verbose)
    if verbose:
        print(f"\n{_LATER}")


def _lying(run: TrainingRun) -> dict[str, object] | None:
    where = experts.place(run)
    if where is None:
        return None
    return {"tier": "disk" if where.on_disk else "memory", "count": where.count, "bytes": where.bytes, "hostBytes": where.host_bytes}


def _after_failure(run: TrainingRun) -> str:
    status = run.status
    way = f"go on from step {status.checkpoint.step}" if status.checkpoint else "go on from the newest checkpoint, if there is one,"
    return f"{run.name}: has failed, {status.reason}: {status.message}; `tandem run` would {way} with attempt {status.attempt + 1}"


def _told(worker: Process) -> dict[str, object]:
    return {
        "name": worker.name,
        "argv": list(worker.argv),
        "environment": dict(worker.environment),
        "directory": str(worker.directory),
    }
