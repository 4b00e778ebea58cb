"""Which run a command is about."""

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.local.state.home import Home
from tandem_operator.local.state.run_folder import AnyFolder, DualFolder, RunFolder, kind_at

from .exits import Exit, leave


def training(name: str, command: str) -> RunFolder:
    """The folder of a TrainingRun that exists, for a `command` that is about training alone.

    Raises:
        Leave: when there is none, or the run is of the other kind.
    """
    found = folder(name)
    if isinstance(found, DualFolder):
        leave(Exit.BAD_INPUT, f"{name}: is a DualRun, which has no {command}: `tandem status {name}` says what it has")
    return found


def same_kind(told: TrainingRun | DualRun, path: str) -> None:
    """A name belongs to one run, of one kind.

    Raises:
        Leave: when the run of that name is of the other kind.
    """
    kind = kind_at(Home.of().run(told.name).path)
    if kind not in {"", told.kind}:
        leave(Exit.BAD_INPUT, f"{path}: metadata.name: {told.name} is a {kind} here: give this one another name with --name")


def folder(name: str) -> AnyFolder:
    """The folder of a run that exists.

    Raises:
        Leave: with the names there are.
    """
    home = Home.of()
    found = home.any(name)
    if "/" in name or not found.exists:
        names = ", ".join(run.name for run in home.runs())
        leave(
            Exit.NO_SUCH_RUN, f"{name}: no such run in {home.path}: {f'there are {names}' if names else 'start one with `tandem run FILE`'}"
        )
    return found


def cared_for(found: AnyFolder) -> bool:
    """Whether a process acts for the run at this moment."""
    with found.ownership() as lock:
        return not lock.take()
