"""What a person is told when a run has ended or rests: how it went, its loss curve, and three commands to try next."""

import sys
from datetime import UTC, datetime

from tandem_operator.api.status import RunPhase
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.local import history
from tandem_operator.local.state.run_folder import RunFolder
from tandem_operator.plan.phases import Reason

from . import picture, reader, words


def tell(folder: RunFolder, again: str) -> None:
    """Print it. `again` is the command that goes on with the run."""
    run = folder.run()
    try:
        print(_how(run), flush=True)
        if run.status.phase.terminal:
            _draw(run, folder)
        _suggest(run, again)
    except OSError:
        reader.gone()


def remind(run: TrainingRun, again: str) -> None:
    """Print that a run has ended already, and that nothing was started."""
    print(f"{_how(run)}; it has ended already, so nothing was started")
    _suggest(run, again)


def _suggest(run: TrainingRun, again: str) -> None:
    commands = _next(run, again)
    width = max(len(command) for command, _ in commands)
    print("\n".join(["next:", *(f"  {command:<{width}}  {does}" for command, does in commands)]), flush=True)


def _draw(run: TrainingRun, folder: RunFolder) -> None:
    """The loss curve: on the terminal, and as a picture beside the run's state."""
    curve = history.loss_curve(folder)
    if sys.stdout.isatty() and (drawing := picture.drawn(curve)):
        print(drawing)
    if saved := picture.save(folder.picture, run.name, curve, history.attempts(folder)):
        print(f"loss curve: {saved}")


def _how(run: TrainingRun) -> str:
    status = run.status
    loss = f", loss {status.loss:.4f}" if status.loss is not None else ""
    took = words.running_for(status, datetime.now(UTC))
    facts = f"{words.progress(status)} steps{loss}, {words.length(took.total_seconds() if took else 0)}, {words.spend(run)}"
    match status.phase:
        case RunPhase.SUCCEEDED:
            return f"{run.name}: done. {facts}"
        case RunPhase.FAILED:
            return f"{run.name}: failed, {status.reason}: {status.message}. {facts}"
        case _:
            kept = f"saved at step {status.checkpoint.step}" if status.checkpoint else "nothing was saved yet"
            return f"{run.name}: stopped, {kept}. {facts}"


def _next(run: TrainingRun, again: str) -> list[tuple[str, str]]:
    name = run.name
    match run.status.phase:
        case RunPhase.SUCCEEDED:
            return [
                (f"tandem checkpoints {name}", "what was kept, and where"),
                (f"tandem cost {name}", "what it cost, by attempt and by token"),
                (f"{again} --fresh", "the same once more, from the beginning"),
            ]
        case RunPhase.FAILED:
            return [
                (f"tandem logs {name}", "what its last attempt printed"),
                ("tandem doctor", "what this machine lacks"),
                (f"{again} --fresh", "the same once more, from the beginning"),
            ]
        case _:
            budget = run.status.reason == Reason.BUDGET_EXHAUSTED
            onward = f"tandem resume {name} --budget-usd {_more(run)}" if budget else again
            return [
                (onward, f"go on at step {run.status.step + 1}"),
                (f"tandem cost {name}", "what it cost so far, and would cost to the end"),
                (f"tandem status {name} -o yaml", "everything that is known of it"),
            ]


def _more(run: TrainingRun) -> str:
    """Twice the budget: an example that works."""
    limit = run.spec.budget.usd
    return f"{limit * 2:f}" if limit else "1"
