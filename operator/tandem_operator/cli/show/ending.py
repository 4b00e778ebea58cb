"""What a person is told when a run has ended or rests: how it went, its loss curve, and three commands to try next."""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from tandem_operator.api.status import RunPhase
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.local import history
from tandem_operator.local.state.run_folder import RunFolder

from . import onward, picture, reader, words
from .onward import RunFile


def tell(folder: RunFolder, file: RunFile | None) -> None:
    """Print it. `file` is what was run, if that is known."""
    run = folder.run()
    try:
        print(_how(run), flush=True)
        if run.status.phase.terminal:
            _draw(run, folder)
        suggest(onward.commands(folder, run, file))
    except OSError:
        reader.gone()


def remind(folder: RunFolder, file: RunFile | None, changes: Sequence[str]) -> None:
    """Print that a run has ended already and nothing was started, also if its file has changed since."""
    run = folder.run()
    print(f"{_how(run)}; it has ended already, so nothing was started")
    if changes:
        print(f"{run.name}: the file differs from what was run ({onward.in_short(changes)}): {_ways_on(folder, run)}")
    suggest(onward.commands(folder, run, file, changed=bool(changes)))


def _ways_on(folder: RunFolder, run: TrainingRun) -> str:
    """How a changed file can be run: anew, or from the checkpoints of the run that has ended."""
    name = f"--name {onward.free_name(folder)}"
    if run.spec.checkpoint.uri:
        return f"{name} goes on from its checkpoints"
    return f"--fresh begins anew; {name}, with checkpoint.uri {folder.checkpoints} in the file, goes on from its checkpoints"


def suggest(commands: Sequence[onward.Command]) -> None:
    """Print what to type next."""
    # Started by `uv run`, `tandem` need not be on the person's own path: what is suggested must work as it stands.
    prefix = "uv run " if "UV_RUN_RECURSION_DEPTH" in os.environ else ""
    width = max(len(command) for command, _ in commands)
    print("\n".join(["next:", *(f"  {prefix}{command:<{width}}  {does}" for command, does in commands)]), flush=True)


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
    refused = f", {status.refused_updates:,} updates left out" if status.refused_updates else ""
    took = words.running_for(status, datetime.now(UTC))
    facts = f"{words.progress(status)} steps{loss}{refused}, {words.length(took.total_seconds() if took else 0)}, {words.spend(run)}"
    match status.phase:
        case RunPhase.SUCCEEDED:
            return f"{run.name}: done. {facts}"
        case RunPhase.FAILED:
            return f"{run.name}: failed, {status.reason}: {status.message}. {facts}"
        case _:
            kept = f"saved at step {status.checkpoint.step}" if status.checkpoint else "nothing was saved yet"
            return f"{run.name}: stopped, {kept}. {facts}"
