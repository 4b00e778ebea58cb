"""What a run has done so far, attempt by attempt, as its workers' folders tell it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from .process.folder import Ended, WorkerFolder, folders
from .reports import Step
from .state import durable
from .state.run_folder import RunFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt: its workers, when they stood there, and how each ended."""

    number: int
    workers: tuple[WorkerFolder, ...]
    since: datetime
    ends: tuple[Ended | None, ...]

    @property
    def live(self) -> bool:
        """Whether some worker of it may still train."""
        return None in self.ends

    @property
    def code(self) -> int | None:
        """The exit code that tells most: that of the first worker that did not end well."""
        codes = [end.code for end in self.ends if end]
        return next((code for code in codes if code), codes[0] if codes else None)

    def worker_time(self, now: datetime) -> timedelta:
        """How long its workers stood there, added up: what is paid for."""
        times = ((end.at if end else now) - worker.since() for worker, end in zip(self.workers, self.ends, strict=True))
        return sum(times, timedelta(0))

    def steps(self) -> list[Step]:
        """Its optimizer steps, as rank 0 recorded them."""
        return [step for line in durable.lines(self.workers[0].steps) if (step := Step.parse(line))]


def attempts(folder: RunFolder) -> tuple[Attempt, ...]:
    """All attempts of which a worker was started, in order."""
    found = folders(folder.workers)
    numbers = sorted({worker.name.attempt for worker in found})
    return tuple(_attempt(number, tuple(worker for worker in found if worker.name.attempt == number)) for number in numbers)


def loss_curve(folder: RunFolder) -> list[Step]:
    """The steps that count: what was done again after a fall replaces what was lost in it."""
    curve: dict[int, Step] = {}
    for attempt in attempts(folder):
        steps = attempt.steps()
        if steps:
            curve = {number: step for number, step in curve.items() if number < steps[0].step}
        curve |= {step.step: step for step in steps}
    return list(curve.values())


def _attempt(number: int, workers: tuple[WorkerFolder, ...]) -> Attempt:
    since = min(worker.since() for worker in workers)
    return Attempt(number=number, workers=workers, since=since, ends=tuple(worker.ended() for worker in workers))
