"""What `run`, `resume` and `stop` do: say what is wanted, then follow the run for as long as there is something to follow."""

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

from tandem_operator.api.reading.run_file import SpecError
from tandem_operator.api.status import RunPhase
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.local import archive
from tandem_operator.local.state import wanted
from tandem_operator.local.state.home import Home
from tandem_operator.local.state.run_folder import RunFolder

from . import runs
from .exits import Exit, leave
from .run_file import training_run
from .session import Session
from .show import ending, overview
from .show.screen import Screen, screen


def run_file(path: str, *, name: str | None, fresh: bool, plain: bool) -> Exit:
    """Run a file."""
    told = training_run(path, name)
    home, now = Home.of(), datetime.now(UTC)
    folder = home.run(told.name)
    again = f"tandem run {path}{f' --name {name}' if name else ''}"
    lines = [*archive.put_outlived_aside(home, now)]
    if fresh and folder.path.exists():
        lines.append(_put_aside(home, folder, now))
    if folder.exists and folder.status().phase.terminal:
        return _ended_before(folder.run(), again)
    try:
        run = wanted.apply_file(folder, told, now)
    except SpecError as refused:
        leave(Exit.BAD_INPUT, *(f"{path}: {problem}, or this one anew with --fresh" for problem in refused.problems))
    shown = screen(live=False if plain else None)
    for line in (*lines, *overview.lines(run.model_copy(update={"status": folder.status()}), folder)):
        shown.say(line)
    return _follow(folder, shown, again)


def resume(name: str, budget_usd: Decimal | None, *, plain: bool) -> Exit:
    """Go on with a run that was stopped, from its last checkpoint."""
    folder = runs.folder(name)
    if folder.status().phase.terminal:
        return _ended_before(folder.run(), "tandem run FILE")
    wanted.ask_resume(folder, budget_usd)
    return _follow(folder, screen(live=False if plain else None), f"tandem resume {name}")


def stop(name: str, *, plain: bool) -> Exit:
    """Suspend a run and follow it until its workers have left."""
    folder = runs.folder(name)
    if folder.status().phase.terminal:
        print(f"{name}: {folder.status().phase.value} already, nothing to stop")
        return Exit.DONE
    wanted.ask_stop(folder)
    shown = screen(live=False if plain else None)
    try:
        code = Session(folder, shown).follow()
    finally:
        shown.close()
    status = folder.status()
    if status.phase is RunPhase.SUSPENDED:
        kept = f"saved at step {status.checkpoint.step}" if status.checkpoint else "nothing was saved yet"
        print(f"{name}: stopped at step {status.step}, {kept}; `tandem resume {name}` goes on")
        return Exit.DONE
    return code


def _follow(folder: RunFolder, shown: Screen, again: str) -> Exit:
    try:
        code = Session(folder, shown).follow()
    finally:
        shown.close()
    if code is not Exit.DETACHED:
        with suppress(KeyboardInterrupt):  # impatience cuts the words short and changes nothing of how it ended
            ending.tell(folder, again)
    return code


def _ended_before(run: TrainingRun, again: str) -> Exit:
    """A run that has come to its end is not run again by accident."""
    ending.remind(run, again)
    return Exit.DONE if run.status.phase is RunPhase.SUCCEEDED else Exit.FAILED


def _put_aside(home: Home, folder: RunFolder, now: datetime) -> str:
    if folder.exists and (uri := folder.wanted().spec.checkpoint.uri):
        leave(
            Exit.BAD_INPUT,
            f"checkpoint.uri: {uri} keeps the checkpoints of {folder.name}, and a fresh run would go on from them: "
            "use another checkpoint.uri and another name with --name",
        )
    return f"{folder.name}: the run of that name is now in {archive.put_aside(home, folder, now)}"
