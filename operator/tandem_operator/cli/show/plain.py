"""A run as plain lines, for logs and pipes: one for each change, and progress at most every few seconds."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.local.state.run_folder import Happened, Run

from . import reader, words

_PROGRESS_EVERY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is: `done` of `total`, and all of it in a line."""

    done: int
    total: int
    line: str


class PlainScreen(Generic[Run]):
    """Lines on standard output."""

    def __init__(self, progress: Callable[[Run, datetime], Progress], *, write: Callable[[str], None] | None = None) -> None:
        """Begin; `progress` says how far a run is at a moment."""
        self._progress = progress
        self._write = write or _printed
        self._step = -1
        self._at: datetime | None = None

    def happened(self, happened: Happened) -> None:
        """A line for an event."""
        loud = "warning: " if happened.event.kind == "Warning" else ""
        self._line(happened.at, f"{loud}{happened.event.reason}: {happened.event.message}")

    def show(self, run: Run, now: datetime) -> None:
        """A line for progress, when there is some and the last one is a while ago; always one for the last step."""
        made = self._progress(run, now)
        last = made.done == made.total
        if made.done in {0, self._step} or (self._at and now - self._at < _PROGRESS_EVERY and not last):
            return
        self._step, self._at = made.done, now
        self._line(now, made.line)

    def say(self, line: str) -> None:
        """A line of Tandem's own."""
        self._line(datetime.now(UTC), line)

    def offer(self, leaving: str) -> None:
        """Lines that have scrolled away are no place for it."""

    def close(self) -> None:
        """Nothing is held."""

    def _line(self, at: datetime, text: str) -> None:
        self._write(f"{words.clock(at)} {text}")


def progress(run: TrainingRun, now: datetime) -> Progress:
    """How far a TrainingRun is."""
    return Progress(done=run.status.step, total=run.status.total_steps, line=progress_line(run, now))


def progress_line(run: TrainingRun, now: datetime) -> str:
    """How far a run is, on one line."""
    status = run.status
    parts = [f"step {words.progress(status)}", status.training_phase]
    parts += [f"loss {status.loss:.4f}"] if status.loss is not None else []
    parts += [f"{status.tokens_per_second:,.0f} tokens/s"] if status.tokens_per_second else []
    parts += [f"checkpoint {words.checkpoint(status, now)}"] if status.checkpoint else []
    parts += [words.spend(run)] if run.spec.budget.usd_per_worker_hour or run.spec.budget.usd else []
    parts += [f"{words.length(status.eta_seconds)} left"] if status.eta_seconds is not None else []
    return "  ".join(part for part in parts if part)


def _printed(line: str) -> None:
    """A reader that has gone away does not end a run."""
    try:
        print(line, flush=True)
    except OSError:
        reader.gone()
