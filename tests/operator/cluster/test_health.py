"""When an operator is to be started anew: it does its work only as long as it sees the cluster."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from kubernetes.aio.client.configuration import Configuration
from tandem_operator.cluster import paths
from tandem_operator.cluster.apply import Applying
from tandem_operator.cluster.deeds.starting import Starting
from tandem_operator.cluster.known.world import World
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.informer import Informer
from tandem_operator.cluster.kube.lease import Lease
from tandem_operator.cluster.kube.limiter import Limiter
from tandem_operator.cluster.news.resync import Resync
from tandem_operator.cluster.settings import CurrentSite, Settings
from tandem_operator.cluster.shell import Shell
from tandem_operator.cluster.shown.probes import Probes
from tandem_operator.cluster.turns.queue import Queue

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Operator:
    """All that acts, in a loop whose clock a test turns; its tasks are never started."""

    def __init__(self, turned: Callable[[float], None]) -> None:
        self.kube = kube = Kube(Configuration(host="http://127.0.0.1:1"), Limiter(1, 1), lambda _: None, lambda: None)
        world, queue, settings = World(lambda _: None, lambda _: None, lambda: NOW), Queue(), Settings()
        self.pods = Informer(kube, paths.pods(), lambda _: None, lambda _: None)
        self.resync, self.probes = Resync(kube, world, paths.TRAINING_RUN, ""), Probes()
        self.lease = Lease(kube, "n", "lease", "one", asyncio.get_running_loop().time)
        self.probes.contends(self.lease)
        self._turned = turned
        starting = Starting(kube, world, CurrentSite(settings), made_pod=lambda _: None, wrote=lambda _: None)
        applying = Applying(kube, world, starting, lambda _: None, lambda *_: None)
        shell = Shell(
            world, queue, lambda: NOW, applying=applying, site=settings.site(), heard=lambda _: None, accounts=self.probes.accounts
        )
        self.queues, shells = (queue, Queue()), (shell, shell)
        self._acts = (self.queues, shells, {"pods": self.pods}, {"trainingruns": self.resync})

    def acts(self) -> None:
        self.probes.acts(*self._acts)

    def after(self, length_s: float, *, heard: bool = False, compared: bool = False) -> str | None:
        """What is wrong with it so long after the last question; the loop goes round all the time."""
        self._turned(length_s)
        now = asyncio.get_running_loop().time()
        self.probes._ticked_at = now
        if heard:
            self.pods._heard()
        if compared:
            self.resync.compared_at = self.resync.agreed_at = now
        return self.probes.unhealthy()

    def age_s(self, resource: str) -> float:
        return round(self.probes._figures()["tandem_operator_watch_age_seconds"][resource,])


def _told(story: Callable[[Operator], Coroutine[Any, Any, None]]) -> None:
    async def in_its_loop() -> None:
        loop, turned = asyncio.get_running_loop(), [0.0]
        loop.time = lambda: turned[0]  # type: ignore[method-assign]

        def turn(length_s: float) -> None:
            turned[0] += length_s

        operator = Operator(turn)
        await story(operator)
        await operator.kube.close()

    asyncio.run(in_its_loop())


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TANDEM_OPERATOR_TELEMETRY", raising=False)


def test_a_stand_in_need_not_be_started_anew_for_an_api_server_that_is_away() -> None:
    """It goes on trying to have the Lease; it is only not ready, for it could not take over."""

    async def story(operator: Operator) -> None:
        for _ in range(40):
            assert operator.after(5) is None
            assert not await operator.lease._tried()
        assert "Lease n/lease could be neither read nor written: the API server cannot be reached" in (operator.probes.unready() or "")

    _told(story)


def test_a_stand_in_that_is_stuck() -> None:
    """It does not try any more to have the Lease, and would never take over."""

    async def story(operator: Operator) -> None:
        assert operator.after(50) is None
        assert not await operator.lease._tried()
        assert operator.after(50) is None
        assert operator.after(50) == "the Lease has not been asked for for 100 s"

    _told(story)


def test_who_begins_to_act_after_days_as_a_stand_in_is_well() -> None:
    """What shows then that its loop goes round has yet to begin."""

    async def story(operator: Operator) -> None:
        operator.after(100_000, heard=True, compared=True)
        operator.probes._ticked_at = 0.0
        operator.acts()
        assert operator.probes.unhealthy() is None

    _told(story)


def test_a_list_that_never_comes() -> None:
    """Two minutes after it began to act, pods must have been listed; until then their age counts from that beginning."""

    async def story(operator: Operator) -> None:
        operator.acts()
        assert operator.after(100) is None
        assert operator.age_s("pods") == 100
        assert "nothing was heard of pods for 130 s" in (operator.after(30) or "")

    _told(story)


def test_a_watch_that_falls_silent() -> None:
    """What was listed once may be silent for as long as a stream may."""

    async def story(operator: Operator) -> None:
        operator.acts()
        operator.pods.synced.set()
        assert operator.after(150, heard=True) is None
        assert operator.after(150) is None
        assert "nothing was heard of pods for 250 s" in (operator.after(100) or "")

    _told(story)


def test_runs_that_the_watch_does_not_tell_of() -> None:
    """They are named, and how long ago the watch was known to tell everything goes on from then."""

    async def story(operator: Operator) -> None:
        operator.acts()
        assert operator.after(60, heard=True, compared=True) is None
        operator.resync.behind = (("n", "r"),)
        assert operator.after(60, heard=True) == "the watch has not told of 1 runs, such as n/r"
        assert operator.age_s("trainingruns") == 60
        operator.resync.behind = ()
        assert "have not been compared for" in (operator.after(600, heard=True) or "")

    _told(story)


def test_what_waits_what_was_written_and_what_failed_is_counted() -> None:
    """Runs of both kinds that are due, each write by its kind, each answer that was an error by its code."""

    async def story(operator: Operator) -> None:
        operator.acts()
        for queue in operator.queues:
            queue.add(("n", "r"))
        for kind in ("status", "lease", "status"):
            operator.probes.wrote(kind)
        operator.probes.failed(409)
        figures = operator.probes._figures()
        assert figures["tandem_operator_queue_depth"] == {(): 2.0}
        assert figures["tandem_operator_writes_total"] == {("status",): 2.0, ("lease",): 1.0}
        assert figures["tandem_operator_api_errors_total"] == {("409",): 1.0}
        assert figures["tandem_operator_leader"] == {(): 1.0}

    _told(story)
