"""Sources of a memory side by side: what each wrote, what that cost, and who used whose records to what gain. Pure.

Every figure is the service's own, counted over the records that match; nothing is estimated. What no record has is None.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tandem_memory.client import SourceStats, Stats

_MONEY = Context(prec=56)  # digits, as the service adds


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One source, or all of them together.

    Attributes:
        name: The source.
        records: How many records it wrote.
        score: Their mean score.
        metrics: Their mean metrics.
        cost_usd: What they cost, as far as they say; None when none does.
        uses: How often they were used, by anybody.
        used_by: How often each source that named itself used them.
        gain: Mean gain of all uses, -1 to 1.
        first_at: When the first was made.
        last_at: When the last was made.
    """

    name: str
    records: int
    score: float | None
    metrics: Mapping[str, float]
    cost_usd: Decimal | None
    uses: int
    used_by: Mapping[str, int]
    gain: float | None
    first_at: datetime | None = None
    last_at: datetime | None = None

    @property
    def cost_each(self) -> Decimal | None:
        """What a record cost, on average."""
        return self.cost_usd / self.records if self.records and self.cost_usd is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Sources side by side."""

    sides: Sequence[Side]
    all: Side

    @property
    def metrics(self) -> Sequence[str]:
        """Every metric that any record has."""
        return sorted(self.all.metrics)

    @property
    def users(self) -> Sequence[str]:
        """Every source that used a record."""
        return sorted(self.all.used_by)

    @property
    def cross_use(self) -> float | None:
        """Part of a source's uses that were of another's records: what sharing a memory brought; None when no source used any."""
        by_sources = sum(self.all.used_by.values())
        return 1 - sum(side.used_by.get(side.name, 0) for side in self.sides) / by_sources if by_sources else None


def compared(stats: "Stats") -> Comparison:
    """The comparison that a namespace's figures make."""
    return Comparison(sides=[_side(name, each) for name, each in stats.by_source.items()], all=_together(stats))


def _side(name: str, each: "SourceStats") -> Side:
    return Side(
        name=name,
        records=each.records,
        score=each.mean_score,
        metrics={metric: figure.mean for metric, figure in each.metrics.items()},
        cost_usd=each.cost_usd,
        uses=each.uses,
        used_by=each.used_by,
        gain=each.mean_gain,
        first_at=each.first_at,
        last_at=each.last_at,
    )


def _together(stats: "Stats") -> Side:
    sources = list(stats.by_source.values())
    metrics = {
        metric: _mean([(each.metrics[metric].mean, each.metrics[metric].count) for each in sources if metric in each.metrics])
        for metric in {name for each in sources for name in each.metrics}
    }
    costs = [each.cost_usd for each in sources if each.cost_usd is not None]
    users = sorted({user for each in sources for user in each.used_by})
    return Side(
        name="all",
        records=stats.records,
        score=_mean([(each.mean_score, each.scored) for each in sources if each.mean_score is not None]),
        metrics={metric: mean for metric, mean in metrics.items() if mean is not None},
        cost_usd=reduce(_MONEY.add, costs) if costs else None,
        uses=sum(each.uses for each in sources),
        used_by={user: sum(each.used_by.get(user, 0) for each in sources) for user in users},
        gain=_mean([(each.mean_gain, each.uses) for each in sources if each.mean_gain is not None]),
        first_at=min((each.first_at for each in sources if each.first_at), default=None),
        last_at=max((each.last_at for each in sources if each.last_at), default=None),
    )


def _mean(parts: Sequence[tuple[float, int]]) -> float | None:
    """Mean of means, each weighing as much as it was made of."""
    weight = sum(count for _, count in parts)
    return sum(mean * count for mean, count in parts) / weight if weight else None
