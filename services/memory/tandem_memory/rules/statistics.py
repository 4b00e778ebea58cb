"""Counts and means over records, by source. Pure; one record at a time, so that it takes no memory to speak of."""

import math
from decimal import Context, Decimal

from google.protobuf.timestamp_pb2 import Timestamp
from tandem.memory.v1.memory_pb2 import MetricStats, Record, SourceStats, StatsResponse, Use

_MONEY = Context(prec=56)  # digits: 36 of an amount, and 20 more for as many of them as can be counted


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
    """Sums in Python's own numbers, which are several times faster to add to than the fields of a message."""

    __slots__ = ("cost", "first", "gain", "last", "metrics", "records", "score", "scored", "times", "used_by")

    def __init__(self) -> None:
        self.records, self.scored, self.score = 0, 0, 0.0
        self.gain, self.times = 0.0, 0
        self.cost: Decimal | None = None
        self.first, self.last = (math.inf, 0), (-math.inf, 0)
        self.used_by: dict[str, int] = {}
        self.metrics: dict[str, _Metric] = {}

    def count(self, record: Record) -> None:
        self.records += 1
        if record.HasField("score"):
            self.scored, self.score = self.scored + 1, self.score + record.score
        if record.cost_usd:
            self.cost = _MONEY.add(self.cost or Decimal(), Decimal(record.cost_usd))
        if record.HasField("use"):
            self._use(record.use)
        for name, value in record.metrics.items():
            self._measure(name, value)
        at = (record.at.seconds, record.at.nanos)
        self.first, self.last = min(self.first, at), max(self.last, at)

    def told(self) -> SourceStats:
        return SourceStats(
            records=self.records,
            metrics={name: metric.told() for name, metric in self.metrics.items()},
            scored=self.scored,
            mean_score=self.score / self.scored if self.scored else 0.0,
            cost_usd="" if self.cost is None else f"{self.cost:f}",
            used_by=self.used_by,
            uses=self.times,
            mean_gain=self.gain / self.times if self.times else 0.0,
            first_at=Timestamp(seconds=int(self.first[0]), nanos=self.first[1]),
            last_at=Timestamp(seconds=int(self.last[0]), nanos=self.last[1]),
        )

    def _use(self, use: Use) -> None:
        self.gain, self.times = self.gain + use.gain, self.times + use.times
        for user, times in use.by_source.items():
            self.used_by[user] = self.used_by.get(user, 0) + times

    def _measure(self, name: str, value: float) -> None:
        metric = self.metrics.get(name)
        if metric is None:
            metric = self.metrics[name] = _Metric()
        metric.count(value)


class _Metric:
    __slots__ = ("largest", "least", "records", "total")

    def __init__(self) -> None:
        self.records, self.total, self.least, self.largest = 0, 0.0, math.inf, -math.inf

    def count(self, value: float) -> None:
        self.records, self.total = self.records + 1, self.total + value
        self.least, self.largest = min(self.least, value), max(self.largest, value)

    def told(self) -> MetricStats:
        return MetricStats(count=self.records, mean=self.total / self.records, min=self.least, max=self.largest)
