"""How runs stand, for people: a table of all, or all about one."""

from collections.abc import Sequence
from datetime import UTC, datetime

from tandem_operator.api.status import RunPhase
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cli import runs
from tandem_operator.cli.show import table, words
from tandem_operator.local.state.run_folder import RunFolder

_RESTING = (RunPhase.SUSPENDED, RunPhase.SUCCEEDED, RunPhase.FAILED)
_EVENTS = 8
_HEAD = ("NAME", "PHASE", "TRAINING", "STEP", "LOSS", "SPENT", "ATTEMPT", "AGE")


def tell_all(folders: Sequence[RunFolder]) -> None:
    """Print a line for each run."""
    if not folders:
        print("no runs yet: start one with `tandem run FILE`")
        return
    now = datetime.now(UTC)
    table.columns(_HEAD, (_row(folder.run(), now) for folder in folders))
    for folder in folders:
        _warn(folder)


def tell(folder: RunFolder) -> None:
    """Print all about one run."""
    run, now = folder.run(), datetime.now(UTC)
    table.facts(_facts(run, folder, now).items())
    for happened in list(folder.events())[-_EVENTS:]:
        print(f"{words.clock(happened.at)}  {happened.event.kind:<7}  {happened.event.reason}: {happened.event.message}")
    _warn(folder)


def _row(run: TrainingRun, now: datetime) -> tuple[str, ...]:
    status = run.status
    return (
        run.name,
        status.phase.value,
        status.training_phase or words.NOTHING,
        words.progress(status),
        words.number(status.loss, 4),
        words.spend(run),
        str(status.attempt),
        words.age(run.metadata.creation_timestamp, now),
    )


def _facts(run: TrainingRun, folder: RunFolder, now: datetime) -> dict[str, str]:
    status = run.status
    why = f" ({status.reason}{f': {status.message}' if status.message else ''})" if status.reason else ""
    facts = {
        "name": run.name,
        "phase": f"{status.phase.value}{why}",
        "training": status.training_phase or words.NOTHING,
        "step": words.progress(status),
        "loss": words.number(status.loss, 4),
        "tokens/s": words.number(status.tokens_per_second),
        "left": words.length(status.eta_seconds),
        "checkpoint": f"{words.checkpoint(status, now)}{f', {status.checkpoint.uri}' if status.checkpoint else ''}",
        "spent": words.spend(run),
        "attempts": f"{status.attempt} ({status.failures} failed, {status.preemptions} preempted, {status.lost_steps} steps lost)",
        "state": str(folder.path),
    }
    if status.phase.terminal:
        del facts["left"], facts["tokens/s"]
    return facts


def _warn(folder: RunFolder) -> None:
    """Say when nobody acts for a run that is under way: its workers train on, but nobody counts or restarts them."""
    phase = folder.status().phase
    if phase not in _RESTING and not runs.cared_for(folder):
        print(f"{folder.name}: is {phase.value}, but no process acts for it (it was killed): `tandem resume {folder.name}` goes on")
