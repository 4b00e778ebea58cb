"""What a session is shown on: a live panel on a terminal, plain lines everywhere else."""

import sys
from datetime import datetime
from typing import Protocol, TypeVar

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.local.state.run_folder import Happened

Run_contra = TypeVar("Run_contra", TrainingRun, DualRun, contravariant=True)


class Screen(Protocol[Run_contra]):
    """Somewhere to follow a run. A screen that is gone (closed pipe, closed terminal) is silent; it never ends a run."""

    def happened(self, happened: Happened) -> None:
        """Show an event."""
        ...

    def show(self, run: Run_contra, now: datetime) -> None:
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


def screen(*, live: bool | None = None) -> Screen[TrainingRun]:
    """The screen for a TrainingRun, for wherever the output goes."""
    if live if live is not None else terminal():
        from .live import LiveScreen, panel

        return LiveScreen(panel)
    from .plain import PlainScreen, progress

    return PlainScreen(progress)


def terminal() -> bool:
    """Whether the output goes to a terminal that can be drawn on."""
    import os

    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
