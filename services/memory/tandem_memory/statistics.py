"""Counts and means over records, by source. Pure; one record at a time, so that it takes no memory to speak of."""

from decimal import Decimal

from tandem.memory.v1.memory_pb2 import MetricStats, Record, SourceStats, StatsResponse


class Tally:
    """What `StatsResponse.by_source` says, as records pass by."""

    def __init__(self) -> None:
        self._sources: dict[str, _Source] = {}
        self._records = 0

    def count(self, record: Record) -> None:
        """Take in a record."""
        self._records += 1
        source = self._sources.get(record.source)
        if source is None:
            source = self._sources[record.source] = _Source()
        source.count(record)

    def told(self, *, dimension: int, embedding: str, changes: int) -> StatsResponse:
        """All that was counted."""
        return StatsResponse(
            records=self._records,
            dimension=dimension,
            embedding=embedding,
            changes=changes,
            by_source={name: source.told() for name, source in self._sources.items()},
        )


class _Source:
    def __init__(self) -> None:
        self._stats = SourceStats()
        self._score, self._cost, self._gain, self._times = 0.0, Decimal(0), 0.0, 0

    def count(self, record: Record) -> None:
        stats = self._stats
        stats.records += 1
        if record.HasField("score"):
            stats.scored += 1
            self._score += record.score
        for name, value in record.metrics.items():
            _measure(stats.metrics[name], value)
        self._cost += Decimal(record.cost_usd or 0)
        self._gain, self._times = self._gain + record.use.gain, self._times + record.use.times
        for user, times in record.use.by_source.items():
            stats.used_by[user] += times
        self._widen(record)

    def told(self) -> SourceStats:
        stats = SourceStats()
        stats.CopyFrom(self._stats)
        stats.cost_usd = f"{self._cost:f}"
        stats.mean_score = self._score / stats.scored if stats.scored else 0.0
        stats.mean_gain = self._gain / self._times if self._times else 0.0
        for metric in stats.metrics.values():
            metric.mean /= metric.count
        return stats

    def _widen(self, record: Record) -> None:
        at, stats = record.at, self._stats
        if stats.records == 1 or (at.seconds, at.nanos) < (stats.first_at.seconds, stats.first_at.nanos):
            stats.first_at.CopyFrom(at)
        if stats.records == 1 or (at.seconds, at.nanos) > (stats.last_at.seconds, stats.last_at.nanos):
            stats.last_at.CopyFrom(at)


def _measure(metric: MetricStats, value: float) -> None:
    """Count a value; `mean` is the sum until it is told."""
    metric.min = value if not metric.count else min(metric.min, value)
    metric.max = value if not metric.count else max(metric.max, value)
    metric.count += 1
    metric.mean += value
