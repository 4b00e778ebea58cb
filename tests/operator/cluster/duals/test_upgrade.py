"""DualRuns that an operator without certificates has begun: the next one has their parts speak TLS, all of them or none."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from tandem_operator.cluster.kube.client import Kube

from tests.cluster.cluster import Cluster
from tests.operator.cluster.api import Api, Object
from tests.operator.cluster.clients import client
from tests.operator.cluster.duals.eyes import Eyes
from tests.operator.cluster.former import former_release
from tests.operator.cluster.kubelets import Kubelets
from tests.operator.cluster.runs import DUAL_SPEC, DualRun

LOCAL = {"name": "local", "kind": "Local", "engine": {"model": "models/local"}}
SPEC: dict[str, Any] = {"lanes": [LOCAL, *DUAL_SPEC["lanes"][1:]]}
SLOTS = ("coordinator-0", "worker-0", "worker-1")
BEFORE, AFTER = ({"d-engine-0-1", *(f"d-{slot}-{start}" for slot in SLOTS)} for start in (1, 2))


@pytest.fixture
def run(api: Api, namespace: str) -> Iterator[DualRun]:
    with Kubelets(api, ("upgrade-1",), for_all=True).at_work():
        yield DualRun(api, namespace, "d").create(**SPEC)


async def look_until(eyes: Eyes, wanted: set[str]) -> None:
    """Look at the run, as an operator does at news, until it has these pods, and they are up."""
    async with asyncio.timeout(300):
        while set(await asyncio.to_thread(_up, eyes.run)) != wanted:
            await eyes.look()
            await asyncio.sleep(0.05)
    await eyes.look(2)


async def begun_by_the_former(run: DualRun, kube: Kube, disk: str) -> None:
    """Have its parts as the former release starts them, whose operator then leaves."""
    with former_release():
        former = Eyes(run, kube, disk)
        await look_until(former, BEFORE)
        await former.hearing.close()


def _up(run: DualRun) -> dict[str, Object]:
    found = run.pods()
    ready = all(pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"] for pod in found.values())
    return found if ready else {}


def _told(pod: Object) -> set[str]:
    return {each["name"] for each in pod["spec"]["containers"][0].get("env", [])}


def test_its_parts_are_told_anew_once_and_its_engines_go_on(run: DualRun, api: Api, api_cluster: Cluster, disk: str) -> None:
    """Coordinator and workers come back under the next number, with what the next Secret holds; the earlier one is left as it is."""

    async def story() -> None:
        async with client(api_cluster.kubeconfig) as kube:
            await begun_by_the_former(run, kube, disk)
            before = _up(run)
            assert not any("TLS" in name for pod in before.values() for name in _told(pod))
            eyes = Eyes(run, kube, disk)
            await eyes.look()
            assert eyes.hears_plaintext()
            await look_until(eyes, AFTER)
            assert not eyes.hears_plaintext()
            after = _up(run)
            await eyes.look(3)
            assert _up(run).keys() == AFTER
            await eyes.hearing.close()
        assert after["d-engine-0-1"]["metadata"]["uid"] == before["d-engine-0-1"]["metadata"]["uid"]
        assert "TANDEM_COORDINATOR_TLS_CERT" in _told(after["d-coordinator-0-2"])
        assert all("TANDEM_TLS_CA" in _told(after[f"d-worker-{index}-2"]) for index in (0, 1))
        assert not any("PLAINTEXT" in name for pod in after.values() for name in _told(pod))
        held = sorted(sorted(each["data"]) for each in api.items(f"/api/v1/namespaces/{run.namespace}/secrets"))
        assert held == [["tls.crt", "tls.key", "token"], ["token"]]

    asyncio.run(story())


def test_one_that_is_not_accepted_goes_on_as_it_was_begun(run: DualRun, api_cluster: Cluster, disk: str) -> None:
    """Its parts are not started anew before it is mended, and its coordinator is heard in plain text for as long."""

    async def story() -> None:
        async with client(api_cluster.kubeconfig) as kube:
            await begun_by_the_former(run, kube, disk)
            of_one_machine = {"name": "more", "kind": "Local", "url": "http://more.example/v1", "model": "m", "apiKeyVariable": "KEY"}
            await asyncio.to_thread(run.edit, lanes=[*SPEC["lanes"], of_one_machine])
            eyes = Eyes(run, kube, disk)
            await eyes.look(3)
            assert _up(run).keys() == BEFORE
            assert eyes.hears_plaintext()
            await asyncio.to_thread(run.edit, lanes=SPEC["lanes"])
            await look_until(eyes, AFTER)
            assert not eyes.hears_plaintext()
            await eyes.hearing.close()

    asyncio.run(story())
