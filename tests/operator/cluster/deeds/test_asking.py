"""How long a run is asked for a checkpoint that the server will not pass on, before a drain goes on without one."""

import asyncio
from datetime import UTC, datetime

import pytest
from tandem_operator.cluster.deeds.asking import Asking
from tandem_operator.cluster.kube.errors import KubeError
from tandem_operator.cluster.seen.pods import SeenPod, seen_pod
from tandem_operator.plan.values import SaveAsked

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.api import PODS, Api
from tests.operator.cluster.clients import client

_FIRST, _SECOND = (SaveAsked(after=step, at=datetime(2026, 1, 1, hour=step, tzinfo=UTC)) for step in (1, 2))
_LONG_S = 3600.0


def test_trouble_that_was_over_long_ago_is_not_counted(api: Api, proxy: FaultProxy, namespace: str) -> None:
    """What was asked for without an answer is asked for: at the next cordon there is as much patience as at the first."""
    labels = {"run": "r", "run-uid": "u", "attempt": "1", "rank": "0"}
    metadata = {"name": "r-1-0", "labels": {f"tandem.dev/{name}": value for name, value in labels.items()}}
    api.create(PODS.format(namespace), {"metadata": metadata, "spec": {"containers": [{"name": "agent", "image": "i"}]}})
    clock = [0.0]

    def leading() -> SeenPod:
        found = seen_pod(api.get(f"{PODS.format(namespace)}/r-1-0"))
        assert found
        return found

    async def story() -> None:
        async with client(proxy.kubeconfig) as kube:
            asking = Asking(kube, changed_pod=lambda _: None, wrote=lambda _: None, clock=lambda: clock[0])
            proxy.program([Fault(kind=Kind.LOST_ANSWER), Fault(kind=Kind.BROKEN)], verbs={"patch"}, path="/pods/r-1-0$")
            with pytest.raises(KubeError):
                await asking.ask(_FIRST, [leading()], 1)
            assert leading().worker.asked == _FIRST
            assert await asking.ask(_FIRST, [leading()], 1)
            clock[0] += _LONG_S
            with pytest.raises(KubeError):
                await asking.ask(_SECOND, [leading()], 1)
            assert await asking.ask(_SECOND, [leading()], 1)
            assert leading().worker.asked == _SECOND

    asyncio.run(story())
