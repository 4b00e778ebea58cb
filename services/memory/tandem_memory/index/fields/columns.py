"""What filters and pruning ask about a record, as one array for each field; absent numbers are NaN, which no range admits.

Fields are kept as they compare: a source or a tag as a small number, an instant as nanoseconds since 1970, the digest of the
question as 64 bits of its hash (two of a million records are mistaken for each other once in 30 million such memories).
What most records lack is kept only where it is: tags as a list for each record, a metric as the slots that have it.
"""

from collections.abc import Collection, Sequence
from hashlib import blake2b
from typing import cast

import numpy as np
import numpy.typing as npt
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.memory.v1.memory_pb2 import Record

from tandem_memory.index.fields.words import Words
from tandem_memory.index.growing import Growing, Kind

Positions = npt.NDArray[np.uint64]

_LAST_NS = 2**63 - 1  # the year 2262: what is later, or before 1678, is taken to be then
NO_DIGEST = np.uint64(0)
_ABSENT, _UNUSED = float("nan"), (0, 0.0)


def nanoseconds(at: Timestamp) -> int:
    """Since 1970, within 64 bits."""
    return max(-_LAST_NS, min(_LAST_NS, at.seconds * 1_000_000_000 + at.nanos))


def digest(source_hash: str) -> np.uint64:
    """64 bits of a hash of `source_hash`; NO_DIGEST when there is none."""
    return np.uint64(int.from_bytes(blake2b(source_hash.encode(), digest_size=8).digest(), "little") | 1) if source_hash else NO_DIGEST


def utility(times: int, gain: float) -> float:
    """Mean gain of uses; 0 of a record that was never used."""
    return gain / times if times else 0.0


class Metric:
    """One metric: the slots of the records that have it, ascending, and its value there."""

    __slots__ = ("slots", "values")

    def __init__(self, slots: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> None:
        self.slots, self.values = Growing(slots), Growing(values)


class Columns:
    """Fields by slot. One thread appends; readers never go beyond the count of slots that they were told.

    Only `alive`, `times`, `gain` and `utility` (gain over times, 0 without) change after a slot was written.
    """

    __slots__ = (
        "agreement",
        "alive",
        "at",
        "digest",
        "gain",
        "metrics",
        "position",
        "score",
        "source",
        "sources",
        "tag",
        "tag_ends",
        "tags",
        "times",
        "utility",
        "verified",
    )

    def __init__(self) -> None:
        self.position = _empty(np.uint64)
        self.source = _empty(np.int32)
        self.sources = Words()
        self.score = _empty(np.float64)
        self.agreement = _empty(np.float64)
        self.at = _empty(np.int64)
        self.verified = _empty(np.int8)
        self.digest = _empty(np.uint64)
        self.alive = _empty(np.bool_)
        self.times = _empty(np.int64)
        self.gain = _empty(np.float64)
        self.utility = _empty(np.float64)
        self.tag = _empty(np.int32)
        self.tag_ends = _empty(np.int64)
        self.tags = Words()
        self.metrics: dict[str, Metric] = {}

    def extend(self, positions: Positions, records: Sequence[Record]) -> None:
        """Add the fields of `records`."""
        self._extend_metrics(len(self.position), records)
        self._extend_tags(records)
        self.source.extend(np.array([self.sources.code(record.source) for record in records], np.int32))
        self.score.extend(np.array([record.score if record.HasField("score") else _ABSENT for record in records], np.float64))
        self.agreement.extend(np.array([record.agreement if record.HasField("agreement") else _ABSENT for record in records], np.float64))
        self.at.extend(np.array([nanoseconds(record.at) for record in records], np.int64))
        self.verified.extend(np.array([record.verified for record in records], np.int8))
        self.digest.extend(np.array([digest(record.source_hash) for record in records], np.uint64))
        self._extend_use(records)
        self.alive.extend(np.ones(len(records), np.bool_))
        self.position.extend(positions)

    def __len__(self) -> int:
        return len(self.position)

    def slots(self, positions: Collection[int] | Positions, count: int) -> npt.NDArray[np.int64]:
        """Slots among the first `count` of those of `positions` that are there, whether alive or not."""
        known = self.position.first(count)
        wanted = cast("Positions", positions) if isinstance(positions, np.ndarray) else np.fromiter(positions, np.uint64, len(positions))
        found = np.searchsorted(known, wanted)
        near = np.minimum(found, max(count - 1, 0))
        return found[(found < count) & (known[near] == wanted)] if count else np.empty(0, np.int64)

    def _extend_metrics(self, begin: int, records: Sequence[Record]) -> None:
        told: dict[str, tuple[list[int], list[float]]] = {}
        for slot, record in enumerate(records, begin):
            for name, value in record.metrics.items() if record.metrics else ():
                slots, values = told.setdefault(name, ([], []))
                slots.append(slot)
                values.append(value)
        for name, (slots, values) in told.items():
            metric = self.metrics.get(name) or Metric(np.empty(0, np.int64), np.empty(0, np.float64))
            metric.values.extend(np.array(values, np.float64))
            metric.slots.extend(np.array(slots, np.int64))
            if name not in self.metrics:
                self.metrics = {**self.metrics, name: metric}  # anew: readers may be going over the old one

    def _extend_use(self, records: Sequence[Record]) -> None:
        """Next to none has been used when it comes."""
        uses = [(record.use.times, record.use.gain) if record.HasField("use") else _UNUSED for record in records]
        self.times.extend(np.array([times for times, _ in uses], np.int64))
        self.gain.extend(np.array([gain for _, gain in uses], np.float64))
        self.utility.extend(np.array([utility(*use) for use in uses], np.float64))

    def _extend_tags(self, records: Sequence[Record]) -> None:
        codes = [[self.tags.code(tag) for tag in dict.fromkeys(record.tags)] if record.tags else () for record in records]
        ends = np.cumsum([len(each) for each in codes], dtype=np.int64) + len(self.tag)
        self.tag.extend(np.array([code for each in codes for code in each], np.int32))
        self.tag_ends.extend(ends)


def _empty(kind: type[Kind]) -> Growing[Kind]:
    return Growing(np.empty(0, kind))
