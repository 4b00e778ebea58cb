"""All that the sink knows: the newest word and the sums of every run, until the run has been silent for too long.

Pure state: no threads, no clock; `now_s` is any clock that only goes forward. Forgetting a run here is what ends its series
in Prometheus, because the exporter shows what is here and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tandem.telemetry.v1.telemetry_pb2 import Source, WorkerReport

from tandem_telemetry.newest import Newest, RunKey, Standing, merged, run_key, standing
from tandem_telemetry.totals import Totals, counted, next_attempt


class TooManyRunsError(Exception):
    """One more run would be one too many to keep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """What is known of one run, and when it was last heard of."""

    newest: Newest
    totals: Totals
    heard_s: float

    @property
    def report(self) -> WorkerReport:
        """The newest report, filled up from the older ones of its attempt."""
        return self.newest.report


class Registry:
    """Runs by namespace and name."""

    def __init__(self, *, expire_s: float, most_runs: int) -> None:
        self._expire_s, self._most_runs = expire_s, most_runs
        self._runs: dict[RunKey, RunState] = {}

    @property
    def runs(self) -> Mapping[RunKey, RunState]:
        """Every run that is known."""
        return self._runs

    def take(self, report: WorkerReport, now_s: float) -> WorkerReport | None:
        """Keep what `report` adds.

        Returns:
            The newest report of the run now; None when the report was of an attempt that is past.

        Raises:
            TooManyRunsError: when it is of a run not known yet, and there is no room.
        """
        key = run_key(report.source)
        old = self._runs.get(key)
        if old is None and len(self._runs) >= self._most_runs:
            raise TooManyRunsError
        place = standing(old.report if old else None, report)
        if old and place is Standing.PAST:
            self._runs[key] = replace(old, heard_s=now_s)
            return None
        newest = merged(old.newest if old else None, report)
        self._runs[key] = RunState(newest=newest, totals=counted(_sums_so_far(old, place), report), heard_s=now_s)
        return newest.report

    def forget(self, now_s: float) -> tuple[Source, ...]:
        """Drop the runs that were silent for too long.

        Returns:
            Their last sources.
        """
        silent = [key for key, state in self._runs.items() if now_s - state.heard_s >= self._expire_s]
        return tuple(self._runs.pop(key).report.source for key in silent)


def _sums_so_far(old: RunState | None, place: Standing) -> Totals:
    """The sums that a report which stands at `place` is added to."""
    if old is None or place is Standing.NEXT_RUN:
        return Totals()
    return next_attempt(old.totals) if place is Standing.NEXT_ATTEMPT else old.totals
