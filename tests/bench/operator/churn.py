"""Does the operator grow? Runs come, are done and are deleted at a steady rate, for as long as it is asked for.

A first part warms up: caches fill, the allocator finds its size. Then no run is left, and all that the operator holds is counted; and
again after the second part. In between its memory is looked at every minute.
"""

import asyncio
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.operator.caring import sink, telemetry
from tests.bench.operator.coming import NAMESPACE, Coming, Pace
from tests.bench.operator.growth import Sample, sampling, slope
from tests.bench.operator.process import Operator, operating
from tests.bench.operator.speaking import reporting
from tests.cluster.cluster import Cluster

_TICK_S = 1.0
_SAMPLE_S = 60.0
_WARM_UP = 0.2  # of the time
_MIB, _HOUR_S = 1 << 20, 3600
_FEWEST = 3  # samples that a slope with bounds can be drawn through
_SLACK = 40  # entries that may be left over: looks that are not wanted any more, pooled connections
_PATIENCE_S = 120.0
Say = Callable[[dict[str, Any]], None]


def churn(cluster: Cluster, folder: Path, lasts_s: float, pace: Pace, say: Say) -> dict[str, int]:
    """Measure.

    Returns:
        What the operator holds more of in the end than after the warm-up, by class or container.
    """
    counted, coming, samples = folder / "counts.json", Coming(pace), list[list[Sample]]()
    counting = ("-m", "tests.bench.operator.counted", str(counted))
    with (
        sink(folder, EXPIRE_SECONDS=str(pace.remembered_s)) as (address, token),
        operating(cluster.kubeconfig, folder, telemetry(address, token), program=counting) as operator,
        reporting(address, token, coming.uids, NAMESPACE),
    ):
        asyncio.run(coming.come(cluster.kubeconfig, "warm", lasts_s * _WARM_UP))
        before = _counts(operator, counted, pace)
        with sampling(lambda: _sample(operator, samples, say), _SAMPLE_S):
            runs = asyncio.run(coming.come(cluster.kubeconfig, "run", lasts_s * (1 - _WARM_UP)))
        more, until_s = _more(before, _counts(operator, counted, pace)), time.monotonic() + _PATIENCE_S
        while more and time.monotonic() < until_s:  # what goes by itself goes late where the machine is busy
            more = _more(before, _counts(operator, counted, pace))
        _say_memory(max(samples, key=len), runs, say)
        left = {"metric": "operator_objects_left_over", "runs": runs, "value": sum(more.values()), "unit": "objects", "ceiling": 0}
        say({**left, "of": more, "operator_restarts": operator.restarts})
        return more


def _more(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """What there is more of, beyond what may be left over."""
    return {name: count - before.get(name, 0) for name, count in after.items() if count - before.get(name, 0) > _SLACK}


def _counts(operator: Operator, counted: Path, pace: Pace) -> dict[str, int]:
    """What the operator holds once no run is left, and telemetry has forgotten the last of them."""
    time.sleep(2 * pace.remembered_s)
    counted.unlink(missing_ok=True)
    operator.process.send_signal(signal.SIGUSR1)
    while not counted.exists():
        time.sleep(_TICK_S)
    return json.loads(counted.read_text())


def _sample(operator: Operator, samples: list[list[Sample]], say: Say) -> None:
    """One sample more of the life that this operator is in: one that was started again begins anew."""
    samples.extend([] for _ in range(operator.restarts + 1 - len(samples)))
    if held := operator.resident_bytes:
        samples[-1].append((time.monotonic(), held))
    say({"metric": "operator_resident_memory", "value": round(held / _MIB, 2), "unit": "MiB", "restarts": operator.restarts})


def _say_memory(samples: list[Sample], runs: int, say: Say) -> None:
    """The growth in the longest life."""
    if len(samples) < _FEWEST:
        say({"metric": "operator_memory_growth", "runs": runs, "value": None, "unit": "MiB/h", "samples": len(samples)})
        return
    found, (began, first), (ended, last) = slope(samples), samples[0], samples[-1]
    low, high = (round(each * _HOUR_S / _MIB, 2) for each in (found.low, found.high))
    line = {"metric": "operator_memory_growth", "runs": runs, "value": round(found.a_second * _HOUR_S / _MIB, 2), "unit": "MiB/h"}
    over = {"minutes": round((ended - began) / 60, 1), "first_mib": round(first / _MIB, 1), "last_mib": round(last / _MIB, 1)}
    say({**line, "low": low, "high": high, "samples": len(samples), **over})
