"""What to type next: three commands that work as printed, whatever has become of the run, and the words around them."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.scalars import MOST_USD
from tandem_operator.api.status import RunPhase
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.local.state.run_folder import RunFolder
from tandem_operator.plan.phases import Reason

_MOST_FIELDS = 8
_LONGEST_STEM = 36  # a name has at most 40 letters
_CENT = Decimal("0.01")

Command = tuple[str, str]
"""A command, and what it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFile:
    """The file that a person ran: where it is, and under which name it runs if not under its own."""

    path: str
    name: str | None = None

    def command(self, *, name: str | None = None) -> str:
        """What runs it (again), under another name if one is given."""
        name = name or self.name
        return f"tandem run {shlex.quote(self.path)}{f' --name {name}' if name else ''}"


def commands(folder: RunFolder, run: TrainingRun, file: RunFile | None, *, changed: bool = False) -> list[Command]:
    """Three commands for a run that has ended or rests; `file` is None when nobody knows where its file is."""
    match run.status.phase:
        case RunPhase.SUCCEEDED:
            return _after_success(folder, run, file, changed=changed)
        case RunPhase.FAILED:
            return _after_failure(run, file)
        case _:
            at = f"go on at step {run.status.step + 1}" if run.status.attempt else "start it"
            return [*resume(run, at), (f"tandem cost {run.name}", "what it cost so far, and would cost to the end"), _everything(run)]


def free_name(folder: RunFolder) -> str:
    """A name like that of the run which no run has."""
    number, stem = 2, folder.name[:_LONGEST_STEM].rstrip("-")
    while (folder.path.parent / f"{stem}-{number}").exists():
        number += 1
    return f"{stem}-{number}"


def resume(run: TrainingRun | DualRun, does: str, needed: Decimal = Decimal(0)) -> list[Command]:
    """The command, if there is one: where no budget may be larger than the one that is spent, none would go on."""
    if run.status.reason != Reason.BUDGET_EXHAUSTED:
        return [(f"tandem resume {run.name}", does)]
    more = larger_budget(run, needed)
    return [(f"tandem resume {run.name} --budget-usd {more:f}", does)] if more else []


def larger_budget(run: TrainingRun | DualRun, needed: Decimal = Decimal(0)) -> Decimal | None:
    """Twice the budget, or twice what was spent where even that is not more, in whole cents, as far as it may be written.

    None where that is not more than both. `needed` is what is set aside at once, so that less than that beside what was spent is no use.
    """
    limit, spent = run.spec.budget.usd or Decimal(0), run.status.spent_usd
    doubled = max(2 * (limit if 2 * limit > spent else spent), spent + needed)
    larger = min(doubled, Decimal(MOST_USD)).quantize(_CENT, rounding=ROUND_CEILING) or Decimal(1)
    return larger if larger > max(limit, spent) else None


def in_short(changes: Sequence[str]) -> str:
    """Changed fields on one line."""
    more = len(changes) - _MOST_FIELDS
    return ", ".join(changes[:_MOST_FIELDS]) + (f" and {more} more" if more > 0 else "")


def _after_success(folder: RunFolder, run: TrainingRun, file: RunFile | None, *, changed: bool) -> list[Command]:
    kept = (f"tandem checkpoints {run.name}", "what was kept, and where")
    writes = run.spec.trainer.kind == "experts" and run.status.checkpoint is not None
    found = [
        (f"tandem generate {run.name}", "text of its own, by the newest checkpoint") if writes else kept,
        (f"tandem cost {run.name}", "what it cost, by attempt and token"),
    ]
    if file is None:
        return [*found, _everything(run)]
    if run.spec.checkpoint.uri is None:
        return [*found, (f"{file.command()} --fresh", "from the beginning; this one is put aside")]
    if changed:
        return [*found, (file.command(name=free_name(folder)), "go on from its checkpoints, as a run of its own")]
    return [*found, _everything(run)]


def _after_failure(run: TrainingRun, file: RunFile | None) -> list[Command]:
    name, kept = run.name, run.status.checkpoint
    onward = f"from step {kept.step}" if kept else "from the newest checkpoint"
    logs, again = (f"tandem logs {name}", "what its last attempt printed"), file.command() if file else f"tandem resume {name}"
    match run.status.reason:
        case Reason.BUDGET_EXHAUSTED:
            return [*resume(run, f"go on {onward}"), (f"tandem cost {name}", "what it cost, by attempt and token"), logs]
        case Reason.DEADLINE_EXCEEDED:
            saved = (f"tandem checkpoints {name}", "what was kept, and where")
            return [(again, f"go on {onward}, once spec.deadline is longer"), saved, logs] if file else [saved, logs, _everything(run)]
        case _:
            return [logs, ("tandem doctor", "what this machine lacks"), (again, f"try again {onward}, once the cause is mended")]


def _everything(run: TrainingRun) -> Command:
    return f"tandem status {run.name} -o yaml", "everything that is known of it"
