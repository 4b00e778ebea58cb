"""What would be started, how long it is, and what it would cost: the answer of `tandem plan`, before anything is started."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from tandem_operator.api.phase import PhaseSpec
from tandem_operator.api.training_run import TrainingRun

from .policies import budget, capacity, wanted
from .values import Worker

_HOUR_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasePreview:
    """A phase and its length."""

    name: str
    steps: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The next attempt of a run.

    Attributes:
        workers: What would be started.
        phases: The stretches of the run, each with its length.
        hours: The time that the cost is stated for.
        usd_per_hour: What all workers cost in an hour at `budget.usdPerWorkerHour`, None without one; nodes may say otherwise later.
        usd: What they cost in `hours`.
        budget_left_usd: What is left of the budget; None without one.
        budget_lasts: How long that lasts; None when it lasts for ever.
    """

    workers: tuple[Worker, ...]
    phases: tuple[PhasePreview, ...]
    hours: Decimal
    usd_per_hour: Decimal | None
    usd: Decimal | None
    budget_left_usd: Decimal | None
    budget_lasts: timedelta | None

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole run."""
        return sum(phase.steps for phase in self.phases)

    @property
    def tokens(self) -> int:
        """Tokens of the whole run."""
        return sum(phase.tokens for phase in self.phases)


def preview(run: TrainingRun, *, hours: Decimal) -> Preview:
    """The next attempt of `run`, and its cost over `hours`."""
    price = run.spec.budget.usd_per_worker_hour
    usd_per_hour = None if price is None else price * run.spec.workers
    left = None if run.spec.budget.usd is None else max(Decimal(0), run.spec.budget.usd - run.status.spent_usd)
    return Preview(
        workers=_next_workers(run),
        phases=tuple(_phase(phase) for phase in run.spec.phases),
        hours=hours,
        usd_per_hour=usd_per_hour,
        usd=None if usd_per_hour is None else usd_per_hour * hours,
        budget_left_usd=left,
        budget_lasts=_lasts(left, usd_per_hour) if left is not None and usd_per_hour else None,
    )


def _lasts(left: Decimal, usd_per_hour: Decimal) -> timedelta:
    return timedelta(seconds=float(min(left / usd_per_hour * _HOUR_S, budget.LONGEST_S)))


def _phase(phase: PhaseSpec) -> PhasePreview:
    steps = phase.total_steps
    return PhasePreview(name=phase.name, steps=steps, tokens=steps * phase.batch_size * phase.context_length)


def _next_workers(run: TrainingRun) -> tuple[Worker, ...]:
    named = {"attempt": run.status.attempt + 1, "workers": run.spec.workers, "capacity": capacity.asked(run)}
    status = run.status.model_copy(update=named)
    return wanted.workers(run.model_copy(update={"status": status}))
