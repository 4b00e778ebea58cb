"""Columns as plain arrays by name, and back: what a snapshot writes down; and columns of some of the records."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tandem_memory.index.fields.columns import Columns, Metric
from tandem_memory.index.fields.words import Words
from tandem_memory.index.growing import Growing
from tandem_memory.index.rows import Slots

Arrays = Mapping[str, npt.NDArray[np.generic]]

_DENSE = ("position", "source", "score", "agreement", "at", "verified", "digest", "alive", "times", "gain", "utility", "tag_ends")
_METRIC = "metric."


def packed(columns: Columns, count: int) -> dict[str, npt.NDArray[np.generic]]:
    """The first `count` slots of `columns`."""
    arrays: dict[str, npt.NDArray[np.generic]] = {name: getattr(columns, name).first(count) for name in _DENSE}
    ends = columns.tag_ends.first(count)
    arrays["tag"] = columns.tag.first(int(ends[-1]) if count else 0)
    arrays["sources"], arrays["tags"] = _encoded(columns.sources.all()), _encoded(columns.tags.all())
    metrics = columns.metrics
    arrays["metrics"] = _encoded(tuple(metrics))
    for number, metric in enumerate(metrics.values()):
        slots = metric.slots.first(len(metric.slots))
        end = int(np.searchsorted(slots, count))
        arrays[f"{_METRIC}{number}.slots"], arrays[f"{_METRIC}{number}.values"] = slots[:end], metric.values.first(end)
    return arrays


def unpacked(arrays: Arrays) -> Columns:
    """Columns of what `packed` gave.

    Raises:
        KeyError, ValueError: when it is something else.
    """
    columns = Columns()
    for name in (*_DENSE, "tag"):
        began = getattr(columns, name)
        if arrays[name].dtype != began.first(0).dtype:
            message = f"column {name} is of {arrays[name].dtype}"
            raise ValueError(message)
        setattr(columns, name, Growing(arrays[name]))
    if len({len(arrays[name]) for name in _DENSE}) != 1:
        message = "columns are of different lengths"
        raise ValueError(message)
    columns.sources, columns.tags = Words(_decoded(arrays["sources"])), Words(_decoded(arrays["tags"]))
    for number, name in enumerate(_decoded(arrays["metrics"])):
        slots, values = arrays[f"{_METRIC}{number}.slots"], arrays[f"{_METRIC}{number}.values"]
        columns.metrics[name] = Metric(slots.astype(np.int64), values.astype(np.float64))
    return columns


def chosen(columns: Columns, slots: Slots) -> Columns:
    """Columns of the records at `slots`, ascending, which take the slots 0, 1, ... in their order."""
    last = int(slots[-1]) + 1 if len(slots) else 0
    few = Columns()
    for name in _DENSE:
        setattr(few, name, Growing(getattr(columns, name).first(last)[slots]))
    ends = columns.tag_ends.first(last)
    counts = np.diff(ends, prepend=0)[slots]
    few.tag_ends = Growing(np.cumsum(counts))
    shifts = np.repeat(ends[slots] - few.tag_ends.first(len(slots)), counts)
    few.tag = Growing(columns.tag.first(len(columns.tag))[np.arange(len(shifts)) + shifts])
    few.sources, few.tags = columns.sources, columns.tags
    few.metrics = {name: _chosen_metric(metric, slots) for name, metric in columns.metrics.items()}
    return few


def _chosen_metric(metric: Metric, slots: Slots) -> Metric:
    having = metric.slots.first(len(metric.slots))
    kept = np.isin(having, slots, assume_unique=True)
    return Metric(np.searchsorted(slots, having[kept]), metric.values.first(len(having))[kept])


def _encoded(words: tuple[str, ...]) -> npt.NDArray[np.uint8]:
    """Words with a length before each: any character may be in them."""
    encoded = [word.encode() for word in words]
    lengths = np.array([len(each) for each in encoded], "<u4").tobytes()
    return np.frombuffer(np.array([len(words)], "<u4").tobytes() + lengths + b"".join(encoded), np.uint8)


def _decoded(data: npt.NDArray[np.generic]) -> list[str]:
    encoded = data.tobytes()
    count = int(np.frombuffer(encoded, "<u4", 1)[0])
    ends = (4 + 4 * count + np.cumsum([0, *np.frombuffer(encoded, "<u4", count, 4).tolist()])).tolist()
    return [encoded[begin:end].decode() for begin, end in pairwise(ends)]
