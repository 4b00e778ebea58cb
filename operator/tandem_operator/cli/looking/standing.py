"""How runs stand, for people: a table of all, or all about one.

What is on record of a run is as old as the last look of whoever acts for it. When nobody does, that is said instead.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cli import runs
from tandem_operator.cli.dual import standing as pair
from tandem_operator.cli.show import table, words
from tandem_operator.local.process.folder import folders as worker_folders
from tandem_operator.local.state.run_folder import AnyFolder, DualFolder, RunFolder, StateError
from tandem_operator.plan.conditions import BUDGET_OK, known

_EVENTS = 8
_NAME_WIDTH = 12
_HEAD = ("NAME", "PHASE", "TRAINING", "STEP", "LOSS", "SPENT", "ATTEMPT", "AGE")


def readable(folders: Sequence[AnyFolder]) -> tuple[list[AnyFolder], list[str]]:
    """The runs whose state can be read; and for each of the others a line that says which file is damaged, and the way on."""
    whole: list[AnyFolder] = []
    damaged: list[str] = []
    for folder in folders:
        try:
            folder.run()
            whole.append(folder)
        except StateError as error:
            damaged.append(f"{folder.name}: {error}")
    return whole, damaged


def tell_all(folders: Sequence[AnyFolder]) -> None:
    """Print a line for each run; those of one kind below each other, since other things count of the other."""
    now = datetime.now(UTC)
    standing = [(folder.run(), _alone(folder)) for folder in folders]
    trainings = [_row(run, alone, now) for run, alone in standing if isinstance(run, TrainingRun)]
    pairs = [pair.row(run, alone, now) for run, alone in standing if isinstance(run, DualRun)]
    if trainings:
        table.columns(_HEAD, trainings)
    if trainings and pairs:
        print()
    if pairs:
        table.columns(pair.HEAD, pairs)
    for run, alone in standing:
        if alone:
            print(words.wrapped(f"{run.name}: {alone}", 2))


def tell(folder: AnyFolder) -> None:
    """Print all about one run."""
    alone, now = _alone(folder), datetime.now(UTC)
    facts = pair.facts(folder.run(), folder, alone) if isinstance(folder, DualFolder) else _facts(folder.run(), folder, alone, now)
    for name, value in facts.items():
        print(words.wrapped(f"{name:<{_NAME_WIDTH}}{value}", _NAME_WIDTH))
    for happened in list(folder.events())[-_EVENTS:]:
        said = f"{words.clock(happened.at)}  {happened.event.kind:<7}  {happened.event.reason}: {happened.event.message}"
        print(words.wrapped(said, _NAME_WIDTH))


def _row(run: TrainingRun, alone: str, now: datetime) -> tuple[str, ...]:
    status = run.status
    return (
        run.name,
        f"{status.phase.value} (left)" if alone else status.phase.value,
        status.training_phase or words.NOTHING,
        words.progress(status),
        words.number(status.loss, 4),
        words.spend(run),
        str(status.attempt),
        words.age(run.metadata.creation_timestamp, now),
    )


def _facts(run: TrainingRun, folder: RunFolder, alone: str, now: datetime) -> dict[str, str]:
    status = run.status
    why = f" ({status.reason}{f': {status.message}' if status.message else ''})" if status.reason else ""
    facts = {
        "name": run.name,
        "phase": f"was {status.phase.value} when last seen: {alone}" if alone else f"{status.phase.value}{why}",
        "training": status.training_phase or words.NOTHING,
        "step": words.progress(status),
        "loss": words.number(status.loss, 4),
        "tokens/s": words.number(status.tokens_per_second),
        "left": words.length(status.eta_seconds),
        "checkpoint": f"{words.checkpoint(status, now)}{f', {status.checkpoint.uri}' if status.checkpoint else ''}",
        "spent": words.spend(run),
        **_uncounted(run),
        "attempts": f"{status.attempt} ({status.failures} failed, {status.preemptions} preempted, {status.lost_steps} steps lost)",
        "state": str(folder.path),
    }
    if alone or status.phase.terminal:
        del facts["left"], facts["tokens/s"]
    return facts


def _uncounted(run: TrainingRun) -> dict[str, str]:
    """Why the budget does not hold, and what to do about it."""
    found = known(run.status, BUDGET_OK)
    return {"budget": found.message} if found and found.status == "Unknown" else {}


def _alone(folder: AnyFolder) -> str:
    """What has become of a run that is under way and that no process acts for; empty when one does, or the run rests."""
    if folder.status().phase.resting or runs.cared_for(folder):
        return ""
    pairs, workers = isinstance(folder, DualFolder), worker_folders(folder.workers)
    live = [worker.path.name.removeprefix(f"{folder.name}-") for worker in workers if worker.lives()]
    whoever = "part" if pairs else "worker"
    if live and pairs:
        left = f"it was killed. {pair.going_on(live)}"
    elif live:
        left = f"it was killed. {len(live)} of its workers train{'s' if len(live) == 1 else ''} on, uncounted and without restarts"
    elif workers:
        left = f"it was killed, and all its {whoever}s are gone"
    else:
        left = f"it was killed before a {whoever} was started"
    return f"no process acts for it: {left}. `tandem run FILE` or `tandem resume {folder.name}` goes on"
