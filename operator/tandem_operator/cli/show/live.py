"""A run as a panel that is drawn anew in place, with events above it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Generic

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tandem_operator.api.status import RunPhase
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.local.state.run_folder import Happened, Run

from . import reader, words

COLOURS = {
    RunPhase.PENDING: "yellow",
    RunPhase.RUNNING: "green",
    RunPhase.STOPPING: "yellow",
    RunPhase.SUSPENDED: "cyan",
    RunPhase.SUCCEEDED: "bold green",
    RunPhase.FAILED: "bold red",
}
WIDEST = 100
_WIDTHS = {"loss": 8, "tokens/s": 10, "checkpoint": 24, "spent": 20, "left": 8}  # fixed, so that nothing jumps


class LiveScreen(Generic[Run]):
    """The panel. A terminal that is closed is written to no more, and the run goes on."""

    def __init__(self, panel: Callable[[Run, datetime, int, str], Panel]) -> None:
        """Begin; `panel` draws a run at a moment, so wide, with what Ctrl-C does."""
        self._panel = panel
        self._console = Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=False)
        self._gone = False
        self._leaving = ""
        self._try(self._live.start)

    def happened(self, happened: Happened) -> None:
        """An event above the panel."""
        style = "yellow" if happened.event.kind == "Warning" else "default"
        self._print(happened.at, Text(f"{happened.event.reason}: {happened.event.message}", style=style))

    def show(self, run: Run, now: datetime) -> None:
        """The panel as the run stands."""
        self._try(lambda: self._live.update(self._panel(run, now, self._console.width, self._leaving), refresh=True))

    def say(self, line: str) -> None:
        """A line of Tandem's own above the panel."""
        self._print(datetime.now(UTC), Text(line, style="bold"))

    def offer(self, leaving: str) -> None:
        """What Ctrl-C does stands at the foot of the panel."""
        self._leaving = leaving

    def close(self) -> None:
        """The last panel stays where it is."""
        self._try(self._live.stop)

    def _print(self, at: datetime, text: Text) -> None:
        self._try(lambda: self._console.print(Text(f"{words.clock(at)} ", style="dim").append_text(text)))

    def _try(self, effect: Callable[[], object]) -> None:
        if self._gone:
            return
        try:
            effect()
        except OSError:
            self._gone = True
            reader.gone()


def panel(run: TrainingRun, now: datetime, width: int, leaving: str = "") -> Panel:
    """How a run stands: what it does, how far it is, what it costs; and what Ctrl-C does, unless the run rests."""
    status = run.status
    head = Text.assemble((status.phase.value, COLOURS[status.phase]), _why(run))
    return Panel(
        Group(head, Text(), _bar(run, min(width, WIDEST) - 30), Text(), _numbers(run, now)),
        title=f"[bold]{run.name}[/bold]",
        title_align="left",
        subtitle=f"[dim]Ctrl-C: {leaving}[/dim]" if leaving and not status.phase.resting else None,
        subtitle_align="right",
        width=min(width, WIDEST),
        border_style="dim",
        padding=(0, 1),
    )


def _why(run: TrainingRun) -> str:
    status = run.status
    parts = [f"attempt {status.attempt}" if status.attempt else "", status.training_phase]
    if status.phase in {RunPhase.STOPPING, RunPhase.SUSPENDED, RunPhase.FAILED}:
        parts.append(status.message or status.reason)
    return "".join(f"  {part}" for part in parts if part)


def _bar(run: TrainingRun, width: int) -> RenderableType:
    status = run.status
    row = Table.grid(padding=(0, 2))
    share = f"{status.step / status.total_steps:.0%}" if status.total_steps else ""
    bar = ProgressBar(total=max(1, status.total_steps), completed=status.step, width=max(10, width))
    row.add_row(bar, f"{words.progress(status)}", share)
    return row


def _numbers(run: TrainingRun, now: datetime) -> RenderableType:
    status = run.status
    numbers = {
        "loss": words.number(status.loss, 4),
        "tokens/s": words.number(status.tokens_per_second),
        "checkpoint": words.checkpoint(status, now),
        "spent": words.spend(run),
        "left": words.length(status.eta_seconds) if not status.phase.terminal else words.NOTHING,
    }
    table = Table.grid(padding=(0, 1))
    for name in numbers:
        table.add_column(min_width=_WIDTHS[name])
    table.add_row(*(Text(name, style="dim") for name in numbers))
    table.add_row(*numbers.values())
    return table
