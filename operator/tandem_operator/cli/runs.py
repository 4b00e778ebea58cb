"""Which run a command is about."""

from tandem_operator.local.state.home import Home
from tandem_operator.local.state.run_folder import RunFolder

from .exits import Exit, leave


def folder(name: str) -> RunFolder:
    """The folder of a run that exists.

    Raises:
        Leave: with the names there are.
    """
    home = Home.of()
    found = home.run(name)
    if "/" in name or not found.exists:
        names = ", ".join(run.name for run in home.runs())
        leave(
            Exit.NO_SUCH_RUN, f"{name}: no such run in {home.path}: {f'there are {names}' if names else 'start one with `tandem run FILE`'}"
        )
    return found


def cared_for(found: RunFolder) -> bool:
    """Whether a process acts for the run at this moment."""
    with found.ownership() as lock:
        return not lock.take()
