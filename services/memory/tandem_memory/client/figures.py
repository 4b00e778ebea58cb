"""A namespace in figures, as the service counts them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tandem.memory.v1 import memory_pb2 as wire

from tandem_memory.record import moment


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricStats:
    """A metric over the records that have it."""

    count: int
    mean: float
    min: float
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStats:
    """The records of one source.

    Attributes:
        records: How many.
        metrics: Each metric that any of them has.
        scored: How many have a score.
        mean_score: Over those; None when there are none.
        cost_usd: Sum over those that say what they cost, US dollars; None when none does.
        uses: How often its records were used.
        used_by: The part of that by each source that named itself, its own included.
        mean_gain: Over all uses, -1 to 1; None when there are none.
        first_at: When the first was made.
        last_at: When the last was made.
    """

    records: int
    metrics: Mapping[str, MetricStats]
    scored: int
    mean_score: float | None
    cost_usd: Decimal | None
    uses: int
    used_by: Mapping[str, int]
    mean_gain: float | None
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """A namespace in figures; `changes` counts from its beginning, pruned records included."""

    records: int
    dimension: int
    embedding: str
    changes: int
    by_source: Mapping[str, SourceStats]


def stats(response: wire.StatsResponse) -> Stats:
    """A namespace in figures."""
    return Stats(
        records=response.records,
        dimension=response.dimension,
        embedding=response.embedding,
        changes=response.changes,
        by_source={source: _source_stats(each) for source, each in sorted(response.by_source.items())},
    )


def _source_stats(each: wire.SourceStats) -> SourceStats:
    metrics = {
        name: MetricStats(count=metric.count, mean=metric.mean, min=metric.min, max=metric.max)
        for name, metric in sorted(each.metrics.items())
    }
    uses = each.uses or sum(each.used_by.values())  # a service from before there was that field
    return SourceStats(
        records=each.records,
        metrics=metrics,
        scored=each.scored,
        mean_score=each.mean_score if each.scored else None,
        cost_usd=Decimal(each.cost_usd) if each.cost_usd else None,
        uses=uses,
        used_by=dict(sorted(each.used_by.items())),
        mean_gain=each.mean_gain if uses else None,
        first_at=moment(each.first_at) if each.HasField("first_at") else None,
        last_at=moment(each.last_at) if each.HasField("last_at") else None,
    )
