"""Filters: bounds between which something can lie."""

import math
from collections.abc import Iterable
from functools import lru_cache

from google.protobuf.timestamp_pb2 import Timestamp
from tandem.memory.v1.memory_pb2 import Filter, MetricRange

from tandem_memory.acceptance import limits
from tandem_memory.acceptance.values import (
    UnacceptableError,
    check_finite,
    check_order,
    check_text,
    check_texts,
    check_time,
    check_verified,
    check_within,
)

_SHORT = 1024  # bytes of a filter that is remembered
_BOUNDS = {"min_score": (-math.inf, 1), "max_score": (0, math.inf), "min_utility": (-math.inf, 1), "min_agreement": (-math.inf, 1)}


def check_filter(field: str, wanted: Filter) -> None:
    """Let `wanted` pass.

    Raises:
        UnacceptableError: when it cannot be meant.
    """
    size = wanted.ByteSize()
    if 0 < size <= _SHORT:
        _check_once(field, wanted.SerializeToString())
    elif size:  # most ask for everything
        _check(field, wanted)


@lru_cache(maxsize=256)
def _check_once(field: str, wanted: bytes) -> None:
    """Remembered for as long as others are not asked for more lately: who searches asks for the same again and again."""
    _check(field, Filter.FromString(wanted))


def _check(field: str, wanted: Filter) -> None:
    for name in ("sources", "tags"):
        check_texts(f"{field}.{name}", getattr(wanted, name))
    for name, (low, high) in _BOUNDS.items():
        check_finite(f"{field}.{name}", getattr(wanted, name))
        check_within(f"{field}.{name}", getattr(wanted, name), low, high, fix="no record would match")
    if wanted.HasField("min_score") and wanted.HasField("max_score"):
        check_order(f"{field}.min_score", wanted.min_score, f"{field}.max_score", wanted.max_score)
    _check_ranges(f"{field}.metrics", wanted.metrics)
    for name in ("since", "until"):
        check_time(f"{field}.{name}", getattr(wanted, name))
    if wanted.HasField("since") and wanted.HasField("until"):
        _check_times(field, wanted.since, wanted.until)
    for at, kind in enumerate(wanted.verified):
        check_verified(f"{field}.verified[{at}]", kind)
    check_text(f"{field}.not_source_hash", wanted.not_source_hash)


def _check_times(field: str, since: Timestamp, until: Timestamp) -> None:
    if (since.seconds, since.nanos) > (until.seconds, until.nanos):
        problem = f"{since.ToJsonString()} is after {field}.until {until.ToJsonString()}; nothing was made between them"
        raise UnacceptableError(field=f"{field}.since", problem=problem)


def _check_ranges(field: str, ranges: Iterable[MetricRange]) -> None:
    for at, each in enumerate(ranges):
        if at >= limits.ITEMS:
            raise UnacceptableError(field=field, problem=f"more than {limits.ITEMS} ranges; use fewer")
        if not each.metric:
            raise UnacceptableError(field=f"{field}[{at}].metric", problem="absent; say which metric this is about")
        check_text(f"{field}[{at}].metric", each.metric)
        for bound in (each.min, each.max):
            if math.isnan(bound):
                raise UnacceptableError(field=f"{field}[{at}]", problem="a bound that is not a number; leave out what you do not want")
        if each.HasField("min") and each.HasField("max"):
            check_order(f"{field}[{at}].min", each.min, "max", each.max)
