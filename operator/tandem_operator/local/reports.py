"""What the workers say, in the planner's words: the newest report of the telemetry service and the record of steps on disk.

The two complete each other. Reports carry checkpoints, spikes and broken experts, but may be lost with the service or arrive after
the worker has ended; the record of steps is written before the next step begins.
"""

import json
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from tandem_operator.plan.values import Report

_LINE_BYTES = 4096  # a line of steps.jsonl has about 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One optimizer step, as recorded."""

    step: int
    loss: float
    phase: str
    tokens_per_second: float | None
    at: datetime

    @classmethod
    def parse(cls, line: str) -> "Step | None":
        """A line of steps.jsonl; None when it was never finished."""
        try:
            told = cast("dict[str, object]", json.loads(line))
            return cls(
                step=int(str(told["step"])),
                loss=float(str(told["loss"])),
                phase=str(told.get("phase", "")),
                tokens_per_second=_number(told.get("tokensPerSecond")),
                at=_moment(told["at"]),
            )
        except (ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The first and the last optimizer step of an attempt."""

    first: Step
    last: Step


def recorded(path: Path) -> Recorded | None:
    """What steps.jsonl says so far; None before the first step."""
    last = _step(path, last=True)
    first = _step(path, last=False)
    return Recorded(first=first, last=last) if first and last else None


def newest(attempt: int, told: Report | None, steps: Recorded | None) -> Report | None:
    """The newest word of an attempt."""
    told = told if told and told.attempt == attempt else None
    if steps is None or (told and told.step >= steps.last.step):
        return told
    known = told or Report(attempt=attempt, step=0, at=steps.last.at)
    return replace(
        known,
        step=steps.last.step,
        at=steps.last.at,
        training_phase=steps.last.phase,
        loss=steps.last.loss,
        tokens_per_second=steps.last.tokens_per_second or known.tokens_per_second,
        first_step_at=known.first_step_at or steps.first.at,
        resumed_from_step=steps.first.step - 1 if known.resumed_from_step is None else known.resumed_from_step,
    )


def _step(path: Path, *, last: bool) -> Step | None:
    """The first or the last whole line of a file that is being written."""
    try:
        with path.open("rb") as file:
            if last:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _LINE_BYTES))
            lines = file.read(_LINE_BYTES).split(b"\n")[:-1]
    except FileNotFoundError:
        return None
    found = [step for line in lines if (step := Step.parse(line.decode(errors="replace")))]
    if not found:
        return None
    return found[-1 if last else 0]


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


def _moment(value: object) -> datetime:
    """Seconds since 1970 or RFC 3339."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    return datetime.fromisoformat(str(value)).astimezone(UTC)
