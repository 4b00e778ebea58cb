"""What every run has cost and been through, as Prometheus wants to know it: the newest status of each, as numbers."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from tandem_operator.api.status import RunStatus
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cluster.kube.informer import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    phase: str
    spent_usd: float
    lost_usd: float
    lost_steps: float
    budget_usd: float | None
    preemptions: float
    failures: float


class Accounts:
    """The accounts of all runs that are known."""

    def __init__(self, recovered: Callable[[float], None]) -> None:
        """Begin with none; `recovered` is told how long each recovery took, in seconds."""
        self._recovered = recovered
        self._of: dict[Key, _Account] = {}

    def recorded(self, run: TrainingRun, after: RunStatus) -> None:
        """A run was looked at, and `after` is its status, on record or about to be."""
        self.looked(run.metadata.key, run.status, after, run.spec.budget.usd)

    def looked(self, key: Key, before: RunStatus, after: RunStatus, limit: Decimal | None) -> None:
        """A run was looked at, accepted or not, and its status is now `after`; `limit` is its budget, as far as that is known."""
        if before.fell_at and not after.fell_at and after.time_to_resume_seconds is not None and not after.phase.resting:
            self._recovered(after.time_to_resume_seconds)
        self._of[key] = _Account(
            phase=after.phase,
            spent_usd=float(after.spent_usd),
            lost_usd=float(after.lost_usd),
            lost_steps=after.lost_steps,
            budget_usd=None if limit is None else float(limit),
            preemptions=after.preemptions,
            failures=after.failures,
        )

    def forget(self, key: Key) -> None:
        """The run is gone, and so are its series."""
        self._of.pop(key, None)

    def figures(self) -> Mapping[str, Mapping[tuple[str, ...], float]]:
        """The series of all runs; may be called from any thread."""
        accounts = self._of.copy()
        phases = Counter(account.phase for account in accounts.values())
        return {
            "tandem_operator_runs": {(phase,): float(count) for phase, count in phases.items()},
            "tandem_run_phase": {(*key, account.phase): 1.0 for key, account in accounts.items()},
            "tandem_spent_usd_total": {key: account.spent_usd for key, account in accounts.items()},
            "tandem_lost_usd_total": {key: account.lost_usd for key, account in accounts.items()},
            "tandem_lost_steps_total": {key: account.lost_steps for key, account in accounts.items()},
            "tandem_budget_usd": {key: account.budget_usd for key, account in accounts.items() if account.budget_usd is not None},
            "tandem_preemptions_total": {key: account.preemptions for key, account in accounts.items()},
            "tandem_failures_total": {key: account.failures for key, account in accounts.items()},
        }
