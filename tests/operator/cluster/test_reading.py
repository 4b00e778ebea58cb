"""How often a run is read: once, as long as it is written as it was."""

import asyncio
from typing import Any

import pytest
from kubernetes.aio.client.configuration import Configuration
from tandem_operator.api.reading.run_file import SpecError
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cluster.apply import Applying
from tandem_operator.cluster.deeds.starting import Starting
from tandem_operator.cluster.known.stored import StoredRun
from tandem_operator.cluster.known.world import World
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.limiter import Limiter
from tandem_operator.cluster.settings import CurrentSite, Settings
from tandem_operator.cluster.shell import Shell
from tandem_operator.cluster.shown.accounts import Accounts
from tandem_operator.cluster.turns.queue import Queue

from tests.operator.cluster.told import KEY, NOW, run
from tests.operator.plan.world import SPEC


def test_a_field_that_the_watch_has_left_out_comes_to_light_with_an_answer() -> None:
    """The generation is the same; what the definition knows and this operator does not is refused all the same."""

    async def looked() -> None:
        shell = _shell()
        first = _accepted(shell, run(1, **_SPEC))
        assert _accepted(shell, run(2, **_SPEC) | {"status": {"step": 7}}).spec is first.spec, "it was read again"
        with pytest.raises(SpecError, match="motto"):
            _accepted(shell, run(3, **_SPEC, motto="per aspera"))

    asyncio.run(looked())


_SPEC: dict[str, Any] = {**SPEC, "image": "trainer:1", "checkpoint": {"uri": "s3://bucket/r"}}


def _accepted(shell: Shell, found: dict[str, Any]) -> TrainingRun:
    return shell._accepted(KEY, StoredRun.of(found), found)


def _shell() -> Shell:
    """One that asks nobody anything."""
    kube = Kube(Configuration(host="http://127.0.0.1:1"), Limiter(1, 1), lambda _: None, lambda: None)
    world, settings = World(lambda _: None, lambda _: None, lambda: NOW), Settings()
    starting = Starting(kube, world, CurrentSite(settings), made_pod=lambda _: None, wrote=lambda _: None)
    applying = Applying(kube, world, starting, lambda _: None, lambda *_: None)
    accounts = Accounts(lambda _: None)
    return Shell(world, Queue(), lambda: NOW, applying=applying, site=settings.site(), heard=lambda _: None, accounts=accounts)
