"""What a session is shown on: a live panel on a terminal, plain lines everywhere else."""

import sys
from datetime import datetime
from typing import Protocol

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.local.state.run_folder import Happened


class Screen(Protocol):
    """Somewhere to follow a run. A screen that is gone (closed pipe, closed terminal) is silent; it never ends a run."""

    def happened(self, happened: Happened) -> None:
        """Show an event."""
        ...

    def show(self, run: TrainingRun, now: datetime) -> None:
        """Show how the run stands."""
        ...

    def say(self, line: str) -> None:
        """Tell the person something that is not about the run itself."""
        ...

    def offer(self, leaving: str) -> None:
        """From now on, Ctrl-C does this; empty when there is nothing to say of it."""
        ...

    def close(self) -> None:
        """Leave what is shown as it is."""
        ...


def screen(*, live: bool | None = None) -> Screen:
    """The screen for wherever the output goes."""
    if live if live is not None else _terminal():
        from .live import LiveScreen

        return LiveScreen()
    from .plain import PlainScreen

    return PlainScreen()


def _terminal() -> bool:
    import os

    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
