"""What a run has cost, in the figures that runs are compared by. Spend is the planner's; nothing is counted here a second time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from tandem_operator.api.dollars import dollars
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cli.show import words
from tandem_operator.cli.show.format import Format
from tandem_operator.cli.show.output import dump
from tandem_operator.local import history
from tandem_operator.local.history import Attempt
from tandem_operator.local.state.run_folder import RunFolder

_HOUR_S = Decimal(3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """The cost of a run; what cannot be said yet is None."""

    run: TrainingRun
    tokens: int

    @property
    def spent(self) -> Decimal:
        """Dollars so far, idle time included."""
        return self.run.status.spent_usd

    @property
    def per_thousand_steps(self) -> Decimal | None:
        """Dollars for 1,000 steps that count."""
        return self.spent / self.run.status.step * 1000 if self.run.status.step else None

    @property
    def per_million_tokens(self) -> Decimal | None:
        """Dollars for a million tokens that count; how many those are, only a script itself knows."""
        known = self.tokens and not self.run.spec.trainer.script
        return self.spent / self.tokens * 1_000_000 if known else None

    @property
    def projected(self) -> Decimal | None:
        """Dollars at the end, if the tokens to come cost what those so far did."""
        total = tokens_until(self.run, self.run.spec.total_steps)
        return self.spent * total / self.tokens if self.tokens else None

    @property
    def left(self) -> Decimal | None:
        """Dollars left of the budget."""
        limit = self.run.spec.budget.usd
        return None if limit is None else max(Decimal(0), Decimal(limit) - self.spent)


def tokens_until(run: TrainingRun, step: int) -> int:
    """Tokens learned from in the first `step` optimizer steps."""
    tokens, rest = 0, step
    for phase in run.spec.phases:
        steps = min(rest, phase.total_steps)
        tokens, rest = tokens + steps * phase.batch_size * phase.context_length, rest - steps
    return tokens


def tell(folder: RunFolder, output: Format) -> None:
    """Print the cost of a run."""
    run = folder.run()
    bill = Bill(run=run, tokens=tokens_until(run, run.status.step))
    rows = list(_by_attempt(run, history.attempts(folder)))
    if output is Format.TABLE:
        _print(bill, rows)
    else:
        dump({**_told(bill), "attempts": [row.told() for row in rows]}, output)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One attempt's share."""

    attempt: int
    usd: Decimal
    worker_seconds: float
    steps: int
    code: int | None

    def told(self) -> dict[str, object]:
        """The row for programs."""
        return {
            "attempt": self.attempt,
            "usd": float(self.usd),
            "workerSeconds": self.worker_seconds,
            "steps": self.steps,
            "exitCode": self.code,
        }


def _by_attempt(run: TrainingRun, attempts: tuple[Attempt, ...]) -> Iterator[Row]:
    """Each attempt at the price of a worker as it is now."""
    now = datetime.now(UTC)
    for attempt in attempts:
        seconds = attempt.worker_time(now).total_seconds()
        usd = Decimal(str(seconds)) / _HOUR_S * (run.spec.budget.usd_per_worker_hour or Decimal(0))
        yield Row(attempt=attempt.number, usd=usd, worker_seconds=seconds, steps=len(attempt.steps()), code=attempt.code)


def _print(bill: Bill, rows: list[Row]) -> None:
    facts = {
        "spent": words.spend(bill.run),
        "for 1,000 steps": _usd(bill.per_thousand_steps),
        "for 1M tokens": _usd(bill.per_million_tokens),
        "at the end": _usd(bill.projected),
        "budget left": _usd(bill.left),
    }
    for name, value in facts.items():
        print(f"{name:<16} {value}")
    for row in rows:
        how = "lives" if row.code is None else f"exit {row.code}"
        stood = f"{words.length(row.worker_seconds)} of workers"
        print(f"  attempt {row.attempt:<4} {dollars(row.usd):>10}  {stood:>18}  {row.steps:>7} steps  {how}")


def _usd(usd: Decimal | None) -> str:
    return words.NOTHING if usd is None else dollars(usd)


def _told(bill: Bill) -> dict[str, object]:
    amounts = {
        "spentUsd": bill.spent,
        "usdPerThousandSteps": bill.per_thousand_steps,
        "usdPerMillionTokens": bill.per_million_tokens,
        "projectedUsd": bill.projected,
        "budgetLeftUsd": bill.left,
    }
    said = {name: None if usd is None else float(usd) for name, usd in amounts.items()}
    return {"run": bill.run.name, "steps": bill.run.status.step, "tokens": bill.tokens, **said}
