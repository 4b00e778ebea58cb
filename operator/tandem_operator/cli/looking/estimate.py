"""What a run will have cost in all, and how long it still takes, at the speed that its own earlier attempts had on this machine."""

from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from tandem_operator.api.dollars import dollars
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cli.show import words
from tandem_operator.local import history
from tandem_operator.local.state.run_folder import RunFolder

from .bill import tokens_until

_HOUR_S = Decimal(3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The way to the end at a known speed."""

    tokens_per_second: float | None
    attempt: int
    seconds_left: float
    total_usd: Decimal | None

    @classmethod
    def of(cls, run: TrainingRun, folder: RunFolder) -> "Estimate | None":
        """The estimate for `run`; None while none of its attempts has told a speed, for no other run's would be its own."""
        for attempt in reversed(history.attempts(folder)):
            steps = attempt.steps()
            if run.spec.trainer.script and steps[1:]:  # what it learns from at a step is its own affair
                step_s = (steps[-1].at - steps[0].at).total_seconds() / len(steps[1:])
                return _after(run, step_s * (run.spec.total_steps - run.status.step), attempt.number)
            speeds = [step.tokens_per_second for step in steps if step.tokens_per_second]
            if speeds and not run.spec.trainer.script:
                speed = median(speeds)
                left = tokens_until(run, run.spec.total_steps) - tokens_until(run, run.status.step)
                return _after(run, left / speed, attempt.number, speed)
        return None

    def told(self) -> dict[str, object]:
        """The estimate for programs."""
        return {
            "tokensPerSecond": self.tokens_per_second,
            "secondsLeft": self.seconds_left,
            "totalUsd": None if self.total_usd is None else float(self.total_usd),
        }

    def said(self) -> str:
        """The estimate for people."""
        cost = "set budget.usdPerWorkerHour to know the cost" if self.total_usd is None else f"about {dollars(self.total_usd)} in all"
        pace = "pace" if self.tokens_per_second is None else f"{self.tokens_per_second:,.0f} tokens/s"
        return f"about {words.length(self.seconds_left)} left at the {pace} of attempt {self.attempt}, {cost}"


def _after(run: TrainingRun, seconds: float, attempt: int, tokens_per_second: float | None = None) -> Estimate:
    price = run.spec.budget.usd_per_worker_hour
    total = None if price is None else run.status.spent_usd + Decimal(str(seconds)) / _HOUR_S * price * run.spec.workers
    return Estimate(tokens_per_second=tokens_per_second, attempt=attempt, seconds_left=seconds, total_usd=total)
