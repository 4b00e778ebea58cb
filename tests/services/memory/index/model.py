"""What the index must find, said in plain Python: a list that is gone through, one record after the other."""

import math
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st
from tandem.memory.v1.memory_pb2 import Filter, MetricRange, Record

SOURCES = ("cloud", "local", "")
TAGS = ("hard", "algebra", "units")
METRICS = ("coherence", "integration")
DIMENSION = 4


@dataclass
class Model:
    """Records by position, with their vectors."""

    kept: dict[int, tuple[Record, np.ndarray]] = field(default_factory=dict)

    def matching(self, wanted: Filter) -> list[int]:
        return [position for position, (record, _) in sorted(self.kept.items()) if admits(wanted, record)]

    def cosines(self, query: np.ndarray, wanted: Filter) -> dict[int, float]:
        return {position: cosine(query, self.kept[position][1]) for position in self.matching(wanted)}


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one.astype(np.float64), other.astype(np.float64)
    length = math.hypot(*one) * math.hypot(*other)
    return float(one @ other) / length if length else 0.0


def admits(wanted: Filter, record: Record) -> bool:
    """The words of memory.proto, one after the other."""
    return all(
        (
            not wanted.sources or record.source in wanted.sources,
            set(wanted.tags) <= set(record.tags),
            _within(record, "score", wanted, "min_score", "max_score"),
            all(_measured(each, record) for each in wanted.metrics),
            not wanted.HasField("since") or record.at.ToNanoseconds() >= wanted.since.ToNanoseconds(),
            not wanted.HasField("until") or record.at.ToNanoseconds() < wanted.until.ToNanoseconds(),
            not wanted.verified or record.verified in wanted.verified,
            not wanted.not_source_hash or record.source_hash != wanted.not_source_hash,
            not wanted.HasField("min_utility") or _utility(record) >= wanted.min_utility,
            _within(record, "agreement", wanted, "min_agreement", ""),
        )
    )


def _within(record: Record, name: str, wanted: Filter, low: str, high: str) -> bool:
    bounded_below, bounded_above = wanted.HasField(low), bool(high) and wanted.HasField(high)
    if not (bounded_below or bounded_above):
        return True
    value = getattr(record, name)
    return (
        record.HasField(name)
        and (not bounded_below or value >= getattr(wanted, low))
        and (not bounded_above or value <= getattr(wanted, high))
    )


def _measured(asked: MetricRange, record: Record) -> bool:
    value = record.metrics.get(asked.metric)
    return value is not None and (not asked.HasField("min") or value >= asked.min) and (not asked.HasField("max") or value <= asked.max)


def _utility(record: Record) -> float:
    return record.use.gain / record.use.times if record.use.times else 0.0


parts = st.sampled_from((0.0, 0.25, 0.5, 1.0))
seconds = st.integers(0, 5)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Records of few different values, so that filters meet some of them."""
    record = Record(
        source=draw(st.sampled_from(SOURCES)), verified=draw(st.integers(0, 4)), source_hash=draw(st.sampled_from(("", "a", "b")))
    )
    record.tags.extend(draw(st.lists(st.sampled_from(TAGS), max_size=3)))
    record.at.FromSeconds(draw(seconds))
    for name, value in draw(st.dictionaries(st.sampled_from(METRICS), parts)).items():
        record.metrics[name] = value
    for name in draw(st.sets(st.sampled_from(("score", "agreement")))):
        setattr(record, name, draw(parts))
    record.use.times = draw(st.integers(0, 2))
    record.use.gain = draw(parts) if record.use.times else 0
    return record


@st.composite
def filters(draw: st.DrawFn) -> Filter:
    """Filters of up to three conditions."""
    wanted = Filter()
    for name in draw(st.sets(st.sampled_from([each.name for each in Filter.DESCRIPTOR.fields]), max_size=3)):
        if name in ("since", "until"):
            getattr(wanted, name).FromSeconds(draw(seconds))
        elif name == "metrics":
            asked = wanted.metrics.add(metric=draw(st.sampled_from((*METRICS, "unheard"))))
            for bound in draw(st.sets(st.sampled_from(("min", "max")))):
                setattr(asked, bound, draw(parts))
        elif name in ("sources", "tags", "verified"):
            choices = {"sources": (*SOURCES, "unheard"), "tags": (*TAGS, "unheard"), "verified": tuple(range(5))}[name]
            getattr(wanted, name).extend(draw(st.lists(st.sampled_from(choices), min_size=1, max_size=2)))
        else:
            setattr(wanted, name, draw(st.sampled_from(("a", "c")) if name == "not_source_hash" else parts))
    return wanted


vectors = st.lists(st.sampled_from((-1.0, 0.0, 0.5, 2.0)), min_size=DIMENSION, max_size=DIMENSION).map(
    lambda values: np.array(values, np.float32)
)
