"""What `run`, `resume` and `stop` do: say what is wanted, then follow the run for as long as there is something to follow."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal

from tandem_operator.api.dollars import rounded
from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.reading.change import changes
from tandem_operator.api.reading.run_file import SpecError
from tandem_operator.api.status import RunPhase
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.local import archive
from tandem_operator.local.processor import has_bfloat16
from tandem_operator.local.state import revival, wanted
from tandem_operator.local.state.home import Home
from tandem_operator.local.state.run_folder import DualFolder, RunFolder
from tandem_operator.plan.phases import UNDER_WAY

from . import runs
from .care import TrainingCare
from .exits import Exit, leave
from .run_file import told_run
from .session import Session
from .show import ending, overview
from .show.onward import RunFile, in_short, larger_budget
from .show.screen import Screen, screen


def run_file(path: str, *, name: str | None, fresh: bool, plain: bool) -> Exit:
    """Run a file."""
    told, home = told_run(path, name), Home.of()
    home.insist()
    runs.same_kind(told, path)
    if isinstance(told, DualRun):
        from .dual import running

        return running.run(told, path, name=name, fresh=fresh, plain=plain)
    now, folder = datetime.now(UTC), home.run(told.name)
    file = None if path == "-" else RunFile(path=path, name=name)
    lines = [*archive.put_outlived_aside(home, now)]
    if fresh and folder.path.exists():
        lines.append(_put_aside(home, folder, now))
    before = folder.run() if folder.exists else None
    try:
        if before and before.status.phase is RunPhase.SUCCEEDED:
            return _ended_before(folder, file, changes(before.spec, wanted.merged(before, told).spec))
        run = wanted.apply_file(folder, told, now)
    except SpecError as refused:
        leave(Exit.BAD_INPUT, *(f"{path}: {problem}{_or_anew(before)}" for problem in refused.problems))
    if before:
        lines += [*_changed(before, run), *_revived(folder, before)]
    shown = screen(live=False if plain else None)
    now = run.model_copy(update={"status": folder.status()})
    for line in (*lines, *overview.lines(now, folder, bfloat16=has_bfloat16())):
        shown.say(line)
    return _follow(folder, shown, file)


def resume(name: str, budget_usd: Decimal | None, *, plain: bool) -> Exit:
    """Go on with a run that was stopped or has failed, from its last checkpoint."""
    folder = runs.folder(name)
    if isinstance(folder, DualFolder):
        from .dual import running

        return running.resume(folder, budget_usd, plain=plain)
    run = folder.run()
    if run.status.phase is RunPhase.SUCCEEDED:
        return _ended_before(folder, None, ())
    if budget_usd is not None and budget_usd <= run.status.spent_usd:
        spent = rounded(run.status.spent_usd, Decimal("0.0001"), ROUND_CEILING)
        said = f"${budget_usd:f} is not more than the ${spent:f} that {name} has spent"
        more = larger_budget(run)
        leave(Exit.BAD_INPUT, f"--budget-usd: {said}{f': give more, such as {more:f}' if more else ''}")
    wanted.ask_resume(folder, budget_usd)
    shown = screen(live=False if plain else None)
    for line in _revived(folder, run):
        shown.say(line)
    return _follow(folder, shown, None)


def stop(name: str, *, plain: bool) -> Exit:
    """Suspend a run and follow it until its workers have left."""
    folder = runs.folder(name)
    if isinstance(folder, DualFolder):
        from .dual import running

        return running.stop(folder, plain=plain)
    if folder.status().phase.terminal:
        print(f"{name}: {folder.status().phase.value} already, nothing to stop")
        return Exit.DONE
    wanted.ask_stop(folder)
    shown = screen(live=False if plain else None)
    try:
        code = Session(folder, shown, TrainingCare(folder)).follow()
    finally:
        shown.close()
    status = folder.status()
    if status.phase is RunPhase.SUSPENDED:
        kept = f"saved at step {status.checkpoint.step}" if status.checkpoint else "nothing was saved yet"
        print(f"{name}: stopped at step {status.step}, {kept}; `tandem resume {name}` goes on")
        return Exit.DONE
    return code


def _follow(folder: RunFolder, shown: Screen[TrainingRun], file: RunFile | None) -> Exit:
    try:
        code = Session(folder, shown, TrainingCare(folder)).follow()
    finally:
        shown.close()
    if code is not Exit.DETACHED:
        with suppress(KeyboardInterrupt):  # impatience cuts the words short and changes nothing of how it ended
            ending.tell(folder, file)
    return code


def _ended_before(folder: RunFolder, file: RunFile | None, changed: Sequence[str]) -> Exit:
    """A run that has come to its end is not run again by accident."""
    ending.remind(folder, file, changed)
    return Exit.DONE


def _revived(folder: RunFolder, before: TrainingRun) -> list[str]:
    """Let a run that has failed go on: whoever asks again has seen that it failed."""
    if before.status.phase is not RunPhase.FAILED or not revival.revive(folder):
        return []
    return [f"{before.name}: had failed, {before.status.reason}: {before.status.message}; trying again"]


def _changed(before: TrainingRun, run: TrainingRun) -> list[str]:
    """What a file has changed in a run, and from when on workers know of it."""
    changed = changes(before.spec, run.spec)
    if not changed:
        return []
    later = f"; the workers of attempt {before.status.attempt} go on as they were started" if before.status.phase in UNDER_WAY else ""
    return [f"changed: {in_short(changed)}{later}"]


def _or_anew(before: TrainingRun | None) -> str:
    """The other way on, where it is open: `--fresh` would find the checkpoints of a store that the file names."""
    return ", or this one anew with --fresh" if before and before.spec.checkpoint.uri is None else ""


def _put_aside(home: Home, folder: RunFolder, now: datetime) -> str:
    if folder.exists and (uri := folder.wanted().spec.checkpoint.uri):
        leave(
            Exit.BAD_INPUT,
            f"checkpoint.uri: {uri} keeps the checkpoints of {folder.name}, and a fresh run would go on from them: "
            "use another checkpoint.uri and another name with --name",
        )
    return f"{folder.name}: the run of that name is now in {archive.put_aside(home, folder, now)}"
