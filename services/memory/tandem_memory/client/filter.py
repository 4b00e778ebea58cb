"""Which records are meant: everything that is said must hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tandem.memory.v1 import memory_pb2 as wire

from tandem_memory.record import Verified, stamp, texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """A stretch of a metric, both ends belonging to it; None leaves an end open."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Records that match; one without a word matches all.

    Attributes:
        sources: Any of these sources.
        tags: Each of these tags.
        min_score: Score at least this; records without a score do not match.
        max_score: Score at most this.
        metrics: Each of these metrics, within its bounds; records without the metric do not match.
        since: Made at or after.
        until: Made before.
        verified: Any of these, or of these words.
        not_source_hash: None with this digest: a question must not find itself.
        min_utility: Mean gain of its uses at least this, -1 to 1; a record that was never used has 0.
        min_agreement: Part of the experts that agreed at least this; records that say nothing do not match.
    """

    sources: Sequence[str] = ()
    tags: Sequence[str] = ()
    min_score: float | None = None
    max_score: float | None = None
    metrics: Mapping[str, Bounds] = field(default_factory=dict[str, Bounds])
    since: datetime | None = None
    until: datetime | None = None
    verified: Sequence[Verified | str] = ()
    not_source_hash: str = ""
    min_utility: float | None = None
    min_agreement: float | None = None

    def message(self) -> wire.Filter:
        """The wire's message that says this.

        Raises:
            ValueError: for a time without a time zone, one text in place of several, or a word that says nothing of `verified`.
        """
        return wire.Filter(
            sources=texts("sources", self.sources),
            tags=texts("tags", self.tags),
            min_score=self.min_score,
            max_score=self.max_score,
            metrics=[wire.MetricRange(metric=name, min=bounds.low, max=bounds.high) for name, bounds in self.metrics.items()],
            since=stamp("since", self.since),
            until=stamp("until", self.until),
            verified=[_verified(each).number for each in texts("verified", self.verified)],
            not_source_hash=self.not_source_hash,
            min_utility=self.min_utility,
            min_agreement=self.min_agreement,
        )


EVERYTHING = Filter()


def _verified(word: str) -> Verified:
    try:
        return Verified(word)
    except ValueError:
        msg = f"verified: {word!r} is no kind of proof; use one of {', '.join(Verified)}"
        raise ValueError(msg) from None
