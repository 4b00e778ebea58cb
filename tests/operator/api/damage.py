"""Runs that were good, until something else was written in a place or two."""

import copy
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st

GOOD: dict[str, Any] = {
    "trainer": {"deepspeed": {"model": {"width": 64, "heads": 2}, "optimizer": {"beta1": 0.5}, "zeroStage": 2, "precision": "fp32"}},
    "phases": [
        {"name": "a", "steps": 10, "data": {"source": "/x"}, "learningRate": 0.1, "warmupSteps": 10},
        {"name": "b", "tokens": 100, "batchSize": 16, "contextLength": 16, "schedule": "constant"},
    ],
    "workers": 2,
    "gpusPerWorker": 2,
    "processesPerWorker": 2,
    "accelerator": "nvidia",
    "image": "registry/image:1",
    "placement": {"tolerations": [{"key": "a", "operator": "Exists"}], "nodeSelector": {"a": "b"}, "spot": "Prefer", "onDemandAfter": "1m"},
    "data": {"include": ["*.py"], "seed": 3, "tokenizer": "bytes", "fillInTheMiddle": 1},
    "checkpoint": {"uri": "file:///x", "everySteps": 3, "keepLast": 1, "keepBest": False},
    "budget": {"usd": 3, "warnAt": 0.5, "onExhausted": "Fail", "usdPerWorkerHour": 2.5},
    "restart": {"backoff": {"first": "1s", "longest": "1m"}, "maxFailures": 0, "maxNoProgress": 1},
    "spikes": {"action": "Stop", "window": 8, "sigmas": 3},
    "memory": {"address": "a:1", "namespace": "default"},
    "telemetry": {"address": "[::1]:2"},
    "pod": {
        "cpu": 4,
        "memory": "16Gi",
        "sharedMemory": "1.5Gi",
        "env": [{"name": "MODE", "value": "fast"}, {"name": "B", "value": "x"}],
        "volumes": [{"mountPath": "/a", "claim": "b"}, {"mountPath": "/c", "configMap": "d"}],
        "labels": {"team": "a"},
        "annotations": {"example.com/why": "it is"},
    },
    "suspend": True,
    "deadline": "1h",
    "ttlSecondsAfterFinished": 0,
}

WRITTEN = (
    0,
    -1,
    1,
    7,
    1.5,
    "x",
    "",
    "A",
    "s3://",
    "a b",
    "1h",
    "x" * 41,
    "Equal",
    "16",
    "100m",
    "32Gi",
    "Gi",
    "0s",
    "/a",
    "B",
    "postgres://bob:hunter2@host",
    2**62,
    "RANK",
    "MASTER_PORT",
    True,
    [],
    {},
    ["x"],
    {"x": 1},
    10**30,
    "9" * 400,
)
"""What the API server and we must think the same of."""

DAMAGE = (*WRITTEN, None, [None], float("nan"), "https://bob:hunter2@host/")
"""What else people hand in."""


def damaged(written: tuple[Any, ...], *, most: int = 4) -> st.SearchStrategy[dict[str, Any]]:
    """The good spec with up to `most` places written over."""
    spots = st.sampled_from(_spots(GOOD)[1:])
    return st.lists(st.tuples(spots, st.sampled_from(written)), min_size=1, max_size=most).map(_written_over)


def _spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(spot for key, inner in inside for spot in _spots(inner, (*path, key)))]


def _written_over(damages: list[tuple[tuple[Any, ...], Any]]) -> dict[str, Any]:
    spec = copy.deepcopy(GOOD)
    for spot, value in damages:
        holder: Any = spec
        with suppress(KeyError, IndexError, TypeError):  # an earlier damage took this spot away
            for key in spot[:-1]:
                holder = holder[key]
            if isinstance(spot[-1], str) == isinstance(holder, dict):
                holder[spot[-1]] = copy.deepcopy(value)
    return spec
