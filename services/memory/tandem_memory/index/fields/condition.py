"""Which records a filter admits: everything that it says must hold (protos/tandem/memory/v1/memory.proto, Filter).

What a record is never changes; whether it is still there and what its uses were worth does.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from tandem.memory.v1.memory_pb2 import Filter

from tandem_memory.index.fields.columns import Columns, digest, nanoseconds

Mask = npt.NDArray[np.bool_]


class Condition:
    """A filter, as it applies to some columns.

    Attributes:
        open: It asks nothing: all records that are there pass.
        of_use: It asks what their uses were worth.
    """

    __slots__ = ("_columns", "_wanted", "of_use", "open")

    def __init__(self, wanted: Filter, columns: Columns) -> None:
        self._wanted, self._columns = wanted, columns
        self.open = not wanted.ListFields()
        self.of_use = wanted.HasField("min_utility")

    def passing(self, first: int, last: int) -> Mask:
        """For each slot from `first` to before `last` whether its record is there and as wanted."""
        alive = self._columns.alive.first(last)[first:]
        if self.open:
            return alive
        passing = alive.copy()
        for each in self._parts(first, last):
            passing &= each
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
        if self.of_use:
            yield columns.utility.first(last)[first:] >= wanted.min_utility
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
