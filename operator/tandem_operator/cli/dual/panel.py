"""A DualRun as a panel: how far it is, each lane, money and agreement."""

from collections.abc import Iterator
from datetime import datetime

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tandem_operator.api.dollars import dollars
from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.dual_status import LaneState
from tandem_operator.api.status import RunPhase
from tandem_operator.cli.show import words
from tandem_operator.cli.show.live import COLOURS, WIDEST
from tandem_operator.cli.show.screen import Screen, terminal

from . import said

_STATES = {LaneState.READY: "green", LaneState.THROTTLED: "yellow"}


def screen(*, live: bool | None = None) -> Screen[DualRun]:
    """The screen for a DualRun, for wherever the output goes."""
    if live if live is not None else terminal():
        from tandem_operator.cli.show.live import LiveScreen

        return LiveScreen(panel)
    from tandem_operator.cli.show.plain import PlainScreen

    return PlainScreen(said.progress)


def panel(run: DualRun, now: datetime, width: int, leaving: str = "") -> Panel:
    """How a run stands; and what Ctrl-C does, unless the run rests."""
    status, wide = run.status, min(width, WIDEST)
    head = Text.assemble((status.phase.value, COLOURS[status.phase]), _why(run))
    return Panel(
        Group(head, Text(), _bar(run, wide - 30), Text(), _lanes(run), *_memory(run), Text(), _numbers(run, now)),
        title=f"[bold]{run.name}[/bold]",
        title_align="left",
        subtitle=f"[dim]Ctrl-C: {leaving}[/dim]" if leaving and not status.phase.resting else None,
        subtitle_align="right",
        width=wide,
        border_style="dim",
        padding=(0, 1),
    )


def _why(run: DualRun) -> str:
    status = run.status
    parts = [f"attempt {status.attempt}" if status.attempt > 1 else ""]
    if status.phase in {RunPhase.STOPPING, RunPhase.SUSPENDED, RunPhase.FAILED}:
        parts.append(status.message or status.reason)
    return "".join(f"  {part}" for part in parts if part)


def _bar(run: DualRun, width: int) -> RenderableType:
    status = run.status
    over = status.done + status.failed
    row = Table.grid(padding=(0, 2))
    share = f"{over / status.total:.0%}" if status.total else ""
    row.add_row(ProgressBar(total=max(1, status.total), completed=over, width=max(10, width)), said.questions(run), share)
    return row


def _lanes(run: DualRun) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_row(*(Text(name, style="dim") for name in ("lane", "state", "done", "calls", "in flight", "spent")))
    for lane in run.status.lanes:
        state = Text(lane.state, style=_STATES.get(lane.state, "red"))
        table.add_row(lane.name, state, f"{lane.done:,}", f"{lane.calls:,}", str(lane.in_flight), dollars(lane.spent_usd))
    return table


def _memory(run: DualRun) -> Iterator[RenderableType]:
    """A line only where something is wrong with it: answers go on without, and nobody would notice."""
    if said.troubled(found := run.status.memory):
        yield Text(f"memory {said.memory(found)}", style="yellow")


def _numbers(run: DualRun, now: datetime) -> RenderableType:
    status, took = run.status, words.running_for(run.status, now)
    numbers = {
        "agreement": words.number(status.agreement, 2),
        "given up": str(status.failed),
        "spent": said.spend(run),
        "time": words.length(took.total_seconds() if took else None),
        "left": words.length(status.eta_seconds) if not status.phase.resting else words.NOTHING,
    }
    table = Table.grid(padding=(0, 2))
    table.add_row(*(Text(name, style="dim") for name in numbers))
    table.add_row(*numbers.values())
    return table
