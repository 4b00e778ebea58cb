"""What `tandem distill` does: choose what to teach, hear what the model says by itself, teach it, judge it by what was kept back.

Each part is a run of its own whose name follows from what is taught. Stopped or killed anywhere, the same command goes on there.
"""

import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.lane import LaneSpec
from tandem_operator.cli import running
from tandem_operator.cli.exits import Exit, leave
from tandem_operator.cli.show.ending import suggest
from tandem_operator.local.dual import distilling
from tandem_operator.local.dual.distilling import DistillError, Round
from tandem_operator.local.state.home import Home
from tandem_operator.local.state.run_folder import DualFolder
from tandem_operator.plan.dual.distilling import UnteachableError, canary, habits, named, promoted, pupil, rate, training, with_model
from tandem_operator.plan.values import Event, EventKind


def distill(folder: DualFolder, *, least: int, learning_rate: float | None, save: Path | None, plain: bool) -> Exit:
    """One round.

    Args:
        folder: Of the run.
        least: Answers of the cloud lane that must teach something.
        learning_rate: Of the training; by the width of the model when None.
        save: Where the taught model goes.
        plain: No panels.
    """
    run = folder.run()
    try:
        lane = pupil(run)
        made = distilling.chosen(folder, least, learning_rate)
        _print(run, made.lines)
        made, code = _with_habits(run, lane, made, plain=plain)
        if code is Exit.DONE:
            code = _taught(run, lane, made, learning_rate, plain=plain)
        for part, taught in (("before", lane), ("after", with_model(lane, str(made.model)))):
            if code is Exit.DONE:
                code = _answered(made, part, canary(run, taught, made.canary, name=named(run, part, made.digest)), plain=plain)
        if code is not Exit.DONE:
            return code
        before, after = (Home.of().dual(named(run, part, made.digest)) for part in ("before", "after"))
        better, lines = distilling.judged(before, after, made.path)
    except (UnteachableError, DistillError) as error:
        leave(Exit.BAD_INPUT, str(error))
    _print(run, lines)
    _say(folder, lines[0], better=better)
    return _promoted(run, lane, made, save) if better else Exit.FAILED


def _with_habits(run: DualRun, lane: LaneSpec, made: Round, *, plain: bool) -> tuple[Round, Exit]:
    """Hear what the model as it is says to questions that nobody asked, and teach it to go on saying that."""
    if made.crosses is None:
        return made, Exit.DONE
    wanted = habits(run, lane, made.crosses, name=named(run, "habits", made.digest))
    code = _answered(made, "habits", wanted, plain=plain)
    if code is Exit.DONE:
        made = distilling.gathered(made, Home.of().dual(wanted.name))
        _print(run, made.lines)
    return made, code


def _taught(run: DualRun, lane: LaneSpec, made: Round, learning_rate: float | None, *, plain: bool) -> Exit:
    """Train, and have the model as a folder."""
    assert lane.engine is not None
    usual = rate(distilling.width(lane.engine.model))
    wanted = training(run, lane, made.lessons, learning_rate=learning_rate or usual)
    code = running.run_file(made.write("training.yaml", wanted), name=None, fresh=False, plain=plain)
    if code is Exit.DONE:
        distilling.export(Home.of().run(wanted.name), lane.engine.model, made.model)
    return code


def _answered(made: Round, part: str, wanted: DualRun, *, plain: bool) -> Exit:
    """Have a model answer questions."""
    return running.run_file(made.write(f"{part}.yaml", wanted), name=None, fresh=False, plain=plain)


def _promoted(run: DualRun, lane: LaneSpec, made: Round, save: Path | None) -> Exit:
    """Say where the model is, and how to answer with it."""
    model = made.model if save is None else save.resolve()
    if model != made.model:
        shutil.copytree(made.model, model, dirs_exist_ok=True)
    wanted = promoted(run, with_model(lane, str(model)), name=named(run, "taught", made.digest))
    print(f"{run.name}: the taught model is in {model}; set engine.model of lane {lane.name} to it, in any run file")
    suggest([(f"tandem run {made.write('promoted.yaml', wanted)}", f"{run.name} anew, with the taught model")])
    return Exit.DONE


def _print(run: DualRun, lines: Iterable[str]) -> None:
    print("\n".join(f"{run.name}: {line}" for line in lines), flush=True)


def _say(folder: DualFolder, line: str, *, better: bool) -> None:
    kind, reason = (EventKind.NORMAL, "DistillPromoted") if better else (EventKind.WARNING, "DistillRejected")
    folder.say([Event(kind=kind, reason=reason, message=line)], datetime.now(UTC))
