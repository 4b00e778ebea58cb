"""What `run`, `resume` and `stop` do with a DualRun: say what is wanted, then follow it for as long as there is something to follow."""

from contextlib import suppress
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal

from tandem_operator.api.dollars import rounded
from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.reading.change import changes
from tandem_operator.api.reading.run_file import SpecError
from tandem_operator.api.status import RunPhase
from tandem_operator.cli.exits import Exit, leave
from tandem_operator.cli.session import Session
from tandem_operator.cli.show.onward import RunFile, in_short, larger_budget
from tandem_operator.cli.show.screen import Screen
from tandem_operator.local import archive
from tandem_operator.local.state import revival, wanted
from tandem_operator.local.state.home import Home
from tandem_operator.local.state.run_folder import DualFolder
from tandem_operator.plan.dual import endings
from tandem_operator.plan.dual.estimate import most_call_usd
from tandem_operator.plan.dual.phases import UNDER_WAY
from tandem_operator.plan.policies import deadline

from . import ending, mistakes
from .care import DualCare, ended
from .panel import screen
from .planned import estimated
from .said import overview


def run(told: DualRun, path: str, *, name: str | None, fresh: bool, plain: bool) -> Exit:
    """Run what a file says."""
    mistakes.refuse(told, path)
    home, now = Home.of(), datetime.now(UTC)
    folder = home.dual(told.name)
    file = None if path == "-" else RunFile(path=path, name=name)
    lines = [*archive.put_outlived_aside(home, now)]
    if fresh and folder.path.exists():
        lines.append(f"{told.name}: the run before is now in {archive.put_aside(home, folder, now)}")
    before = folder.run() if folder.exists else None
    try:
        if before and before.status.phase is RunPhase.SUCCEEDED:
            return _ended_before(folder, file, changed=bool(changes(before.spec, wanted.merged(before, told).spec)))
        wished = wanted.apply_file(folder, told, now)
    except SpecError as refused:
        leave(Exit.BAD_INPUT, *(f"{path}: {problem}, or this one anew with --fresh" for problem in refused.problems))
    if before:
        _insist_on_money(wished, f"{path}: spec.budget.usd")
        lines += [*_changed(before, wished), *_revived(folder, before)]
    shown = screen(live=False if plain else None)
    for line in (*lines, *overview(wished.model_copy(update={"status": folder.status()}), folder)):
        shown.say(line)
    return _follow(folder, shown, file)


def resume(folder: DualFolder, budget_usd: Decimal | None, *, plain: bool) -> Exit:
    """Go on with a run that was stopped or has failed; answered questions stay answered.

    With a larger budget also one that gave questions up: those that were too dear are asked again.
    """
    before = folder.run()
    if before.status.phase is RunPhase.SUCCEEDED and not _more_can_be_asked(before, budget_usd):
        return _ended_before(folder, None, changed=False)
    mistakes.refuse(before, before.name)
    if budget_usd is not None and budget_usd <= before.status.spent_usd:
        spent = rounded(before.status.spent_usd, Decimal("0.0001"), ROUND_CEILING)
        leave(Exit.BAD_INPUT, f"--budget-usd: ${budget_usd:f} is not more than the ${spent:f} that {before.name} has spent: give more")
    _insist_on_money(_with(before, budget_usd), "--budget-usd")
    wanted.ask_resume(folder, budget_usd)
    shown = screen(live=False if plain else None)
    for line in _revived(folder, before):
        shown.say(line)
    return _follow(folder, shown, None)


def stop(folder: DualFolder, *, plain: bool) -> Exit:
    """Suspend a run and follow it until its parts have left."""
    if folder.status().phase.terminal:
        print(f"{folder.name}: {folder.status().phase.value} already, nothing to stop")
        return Exit.DONE
    wanted.ask_stop(folder)
    code = _followed(folder, screen(live=False if plain else None))
    status = folder.status()
    if status.phase is RunPhase.SUSPENDED:
        print(f"{folder.name}: stopped at {status.done} of {status.total} questions; `tandem resume {folder.name}` goes on")
        return Exit.DONE
    return code


def _follow(folder: DualFolder, shown: Screen[DualRun], file: RunFile | None) -> Exit:
    code = _followed(folder, shown)
    if code is not Exit.DETACHED:
        with suppress(KeyboardInterrupt):  # impatience cuts the words short and changes nothing of how it ended
            ending.tell(folder, file)
    return code


def _followed(folder: DualFolder, shown: Screen[DualRun]) -> Exit:
    try:
        return Session(folder, shown, DualCare(folder)).follow()
    finally:
        shown.close()


def _insist_on_money(run: DualRun, field: str) -> None:
    """Nothing is started for nothing."""
    if (end := endings.exhausted(run)) is not None:
        more = larger_budget(run, most_call_usd(estimated(run)))
        leave(Exit.BAD_INPUT, f"{field}: {end.message.partition(': ')[0]}{f': give more, such as {more:f}' if more else ''}")


def _with(before: DualRun, budget_usd: Decimal | None) -> DualRun:
    """The run with such a budget, if one is given."""
    if budget_usd is None:
        return before
    budget = before.spec.budget.model_copy(update={"usd": budget_usd})
    return before.model_copy(update={"spec": before.spec.model_copy(update={"budget": budget})})


def _more_can_be_asked(before: DualRun, budget_usd: Decimal | None) -> bool:
    """Whether questions that were given up may be too dear no more, and there is time left for them."""
    limit = before.spec.budget.usd
    if budget_usd is None or limit is None or budget_usd <= limit:
        return False
    return revival.failed(before.status) and deadline.passed(before, datetime.now(UTC)) is None


def _ended_before(folder: DualFolder, file: RunFile | None, *, changed: bool) -> Exit:
    """A run that has come to its end is not run again by accident."""
    ending.remind(folder, file, changed=changed)
    return ended(folder.status())


def _changed(before: DualRun, after: DualRun) -> list[str]:
    """What a file has changed in a run, and from when on its parts know of it."""
    found = changes(before.spec, after.spec)
    if not found:
        return []
    later = "; parts that run go on as they were started" if before.status.phase in UNDER_WAY else ""
    return [f"changed: {in_short(found)}{later}"]


def _revived(folder: DualFolder, before: DualRun) -> list[str]:
    """Let a run that has failed go on: whoever asks again has seen that it failed."""
    if not revival.failed(before.status) or not revival.revive(folder):
        return []
    return [f"{before.name}: had ended with {before.status.reason}: {before.status.message}; trying again"]
