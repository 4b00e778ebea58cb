"""Which records a filter admits: everything that it says must hold (protos/tandem/memory/v1/memory.proto, Filter).

A condition is asked twice. What never changes about a record (`lasting`) may be remembered; whether it is still there and what
its uses were worth (`now`) is looked up each time.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from tandem.memory.v1.memory_pb2 import Filter

from tandem_memory.index.columns import Columns, digest, nanoseconds

Mask = npt.NDArray[np.bool_]
Slots = npt.NDArray[np.int64]


class Condition:
    """A filter, as it applies to some columns.

    Attributes:
        open: It asks nothing about what never changes: all records pass `lasting`.
    """

    __slots__ = ("_columns", "_wanted", "open")

    def __init__(self, wanted: Filter, columns: Columns) -> None:
        self._wanted, self._columns = wanted, columns
        changing = Filter(min_utility=0.0)
        asked = {field.name for field, _ in wanted.ListFields()}
        self.open = asked <= {field.name for field, _ in changing.ListFields()}

    def lasting(self, first: int, last: int) -> Mask:
        """For each slot from `first` to before `last` whether what never changes about it is as wanted."""
        passing = np.ones(last - first, np.bool_)
        for each in self._parts(first, last):
            passing &= each
        return passing

    def now(self, slots: Slots) -> Mask:
        """For each of `slots` whether it is there and has been of the wanted use."""
        columns, last = self._columns, int(slots.max(initial=-1)) + 1
        passing = columns.alive.first(last)[slots]
        if self._wanted.HasField("min_utility"):
            passing &= columns.utility.first(last)[slots] >= self._wanted.min_utility
        return passing

    def _parts(self, first: int, last: int) -> Iterator[Mask]:
        wanted, columns = self._wanted, self._columns
        if wanted.sources:
            codes = [code for source in wanted.sources if (code := columns.sources.find(source)) is not None]
            yield _any(columns.source.first(last)[first:], codes)
        for tag in wanted.tags:
            yield _tagged(columns, columns.tags.find(tag), first, last)
        if wanted.verified:
            yield _any(columns.verified.first(last)[first:], list(wanted.verified))
        if wanted.not_source_hash:
            yield columns.digest.first(last)[first:] != digest(wanted.not_source_hash)
        yield from self._ranges(first, last)

    def _ranges(self, first: int, last: int) -> Iterator[Mask]:
        wanted, columns = self._wanted, self._columns
        if wanted.HasField("min_score"):
            yield columns.score.first(last)[first:] >= wanted.min_score
        if wanted.HasField("max_score"):
            yield columns.score.first(last)[first:] <= wanted.max_score
        if wanted.HasField("since"):
            yield columns.at.first(last)[first:] >= nanoseconds(wanted.since)
        if wanted.HasField("until"):
            yield columns.at.first(last)[first:] < nanoseconds(wanted.until)
        if wanted.HasField("min_agreement"):
            yield columns.agreement.first(last)[first:] >= wanted.min_agreement
        for asked in wanted.metrics:
            low = asked.min if asked.HasField("min") else -np.inf
            high = asked.max if asked.HasField("max") else np.inf
            yield _measured(columns, asked.metric, (low, high), first, last)


def _any(values: npt.NDArray[np.int32] | npt.NDArray[np.int8], codes: list[int]) -> Mask:
    if len(codes) == 1:
        return values == codes[0]
    return np.isin(values, codes)


def _tagged(columns: Columns, code: int | None, first: int, last: int) -> Mask:
    passing = np.zeros(last - first, np.bool_)
    if code is None or first == last:
        return passing
    ends = columns.tag_ends.first(last)
    begin = int(ends[first - 1]) if first else 0
    where = np.flatnonzero(columns.tag.first(int(ends[-1]))[begin:] == code) + begin
    passing[np.searchsorted(ends, where, side="right") - first] = True
    return passing


def _measured(columns: Columns, name: str, bounds: tuple[float, float], first: int, last: int) -> Mask:
    passing = np.zeros(last - first, np.bool_)
    metric = columns.metrics.get(name)
    if metric is None:
        return passing
    slots = metric.slots.first(len(metric.slots))
    begin, end = np.searchsorted(slots, (first, last))
    values = metric.values.first(int(end))[begin:]
    low, high = bounds
    passing[slots[begin:end][(values >= low) & (values <= high)] - first] = True
    return passing
