"""What `kubectl get` shows of runs, asked of a real API server."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tandem_operator.api.dual_status import DualRunStatus
from tandem_operator.api.status import RunStatus

from tests.cluster.cluster import Cluster
from tests.operator.cluster.api import Api
from tests.operator.cluster.runs import DualRun, Run

_NAME = "cluster-quickstart-2"  # of twenty characters
_WIDEST = 120
_SPENT = "123.456789012345"


def _waits() -> dict[str, Any]:
    """What the status of any run says that waits, with a checkpoint of 25 hours before now: other tests may have run for an hour."""
    at = (datetime.now(UTC) - timedelta(hours=25, minutes=20)).isoformat()
    return {
        "phase": "Pending",
        "reason": "Preempted",
        "spentUsd": _SPENT,
        "checkpoint": {"step": 9900, "uri": "s3://bucket/run/manifests/1.json", "at": at},
        "conditions": [
            {"type": "Accepted", "status": "True", "reason": "Accepted", "lastTransitionTime": at},
            {"type": "Scheduled", "status": "False", "reason": "WaitingForQuota", "lastTransitionTime": at},
        ],
    }


def _training() -> RunStatus:
    return RunStatus.model_validate({**_waits(), "step": 10000, "totalSteps": 20000, "loss": 5.123456}, by_alias=True)


def _dual() -> DualRunStatus:
    return DualRunStatus.model_validate({**_waits(), "done": 10000, "total": 20000, "agreement": 0.8333}, by_alias=True)


def shown(cluster: Cluster, run: Run, *options: str) -> dict[str, str]:
    """The row of a run, by column; cells are as wide as kubectl made them."""
    table = cluster.kubectl("get", f"{run.kind.lower()}s", "-n", run.namespace, *options).splitlines()
    assert len(table) == 2, table
    heads = [head for head in table[0].split("  ") if head]
    starts = [table[0].index(head.strip()) for head in heads]
    ends = [*starts[1:], max(map(len, table))]
    if not options:
        assert max(len(line.rstrip()) for line in table) <= _WIDEST, table
    return {head.strip(): table[1][start:end].strip() for head, start, end in zip(heads, starts, ends, strict=True)}


@pytest.mark.parametrize(("kind", "status"), [(Run, _training), (DualRun, _dual)], ids=["TrainingRun", "DualRun"])
def test_a_run_that_waits_says_why_without_being_asked(
    api_cluster: Cluster, api: Api, namespace: str, kind: type[Run], status: Callable[[], RunStatus | DualRunStatus]
) -> None:
    """Why it is stuck, how old its checkpoint is and what it has cost stand in 120 columns; the rest with -o wide."""
    run = kind(api, namespace, _NAME).create(budget={"usd": 12500})
    written: dict[str, Any] = status().model_dump(mode="json", by_alias=True, exclude_none=True)
    api.patch(f"{run.path}/status", {"status": written})
    row = shown(api_cluster, run)
    assert {
        "PHASE": "Pending",
        "REASON": "WaitingForQuota",
        "CHECKPOINT": "25h",
        "SPEND": "$123.46",
        "BUDGET": "12500",
        "PROGRESS": "50%",
    }.items() <= row.items()
    wide = shown(api_cluster, run, "-o", "wide")
    assert {"OF": "20000", "SAVED": "9900", "URI": "s3://bucket/run/manifests/1.json"}.items() <= wide.items()
    assert wide.keys() > row.keys()


@pytest.mark.parametrize(("kind", "status"), [(Run, RunStatus()), (DualRun, DualRunStatus())], ids=["TrainingRun", "DualRun"])
def test_what_nobody_has_counted_is_not_shown(
    api_cluster: Cluster, api: Api, namespace: str, kind: type[Run], status: RunStatus | DualRunStatus
) -> None:
    """A run that was not accepted, or does not know its questions yet, is not one of zero steps."""
    run = kind(api, namespace, _NAME).create()
    api.patch(f"{run.path}/status", {"status": status.model_dump(mode="json", by_alias=True, exclude_none=True)})
    row = shown(api_cluster, run)
    assert (row["PHASE"], row["PROGRESS"]) == ("Pending", "")
    assert shown(api_cluster, run, "-o", "wide")["OF"] == ""
