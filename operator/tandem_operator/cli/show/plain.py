"""A run as plain lines, for logs and pipes: one for each change, and progress at most every few seconds."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.local.state.run_folder import Happened

from . import reader, words

_PROGRESS_EVERY = timedelta(seconds=5)


class PlainScreen:
    """Lines on standard output."""

    def __init__(self, *, write: Callable[[str], None] | None = None) -> None:
        self._write = write or _printed
        self._step = -1
        self._at: datetime | None = None

    def happened(self, happened: Happened) -> None:
        """A line for an event."""
        loud = "warning: " if happened.event.kind == "Warning" else ""
        self._line(happened.at, f"{loud}{happened.event.reason}: {happened.event.message}")

    def show(self, run: TrainingRun, now: datetime) -> None:
        """A line for progress, when there is some and the last one is a while ago; always one for the last step."""
        status = run.status
        last = status.step == status.total_steps
        if status.step in {0, self._step} or (self._at and now - self._at < _PROGRESS_EVERY and not last):
            return
        self._step, self._at = status.step, now
        self._line(now, progress_line(run, now))

    def say(self, line: str) -> None:
        """A line of Tandem's own."""
        self._line(datetime.now(UTC), line)

    def offer(self, leaving: str) -> None:
        """Lines that have scrolled away are no place for it."""

    def close(self) -> None:
        """Nothing is held."""

    def _line(self, at: datetime, text: str) -> None:
        self._write(f"{words.clock(at)} {text}")


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
