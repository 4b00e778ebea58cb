"""Killed between any two writes, behind an API server that fails in every way: runs end as if nothing had happened."""

import time
from collections.abc import Callable
from random import Random
from typing import Any

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import WRITES
from tests.cluster.troubles import OBJECTS, make_trouble, missed
from tests.operator.cluster.api import Api
from tests.operator.cluster.chronicle import Chronicle
from tests.operator.cluster.drama import Part, Stage, cast
from tests.operator.cluster.kubelets import Kubelets
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import eventually

SEED = 20261126
RUNS = 20
KILLS = 100
LONGEST_LIFE_S = 1.5


def test_killed_at_a_hundred_moments(
    api: Api, namespace: str, kubelets: Kubelets, proxy: FaultProxy, operators: Callable[..., Operator]
) -> None:
    """Every run ends right, no attempt begins before the last is over, no pod is made twice, and nothing that was said is lost."""
    chance = Random(SEED)
    parts = cast(api, namespace, RUNS, chance)
    operator = operators()
    make_trouble(proxy)
    with Chronicle.of(api, namespace) as chronicle:
        stage = Stage(api, kubelets, chronicle)
        for kill in range(KILLS):
            _begin(operator, proxy)
            left = sum(len(part.acts) - part.played for part in parts)
            wanted = -(-left // (KILLS - kill))
            _live_a_little(stage, parts, proxy, chance, wanted)
            operator.kill()
        nobody_met = missed(proxy)
        proxy.clear()
        operator.start()
        eventually("the last acts", lambda: _play_on(stage, parts), waited=lambda: [str(part) for part in parts if not part.over])
        for part in parts:
            part.run.until(phase=part.outcome()["phase"])
        operator.stop()
        assert {part.run.name: _outcome(part) for part in parts} == {part.run.name: part.outcome() for part in parts}
        history = chronicle.history()
        assert history.created() == set().union(*(part.pods() for part in parts))
        assert list(history.breaches()) == []
    assert nobody_met == set()


def _begin(operator: Operator, proxy: FaultProxy) -> None:
    """A life counts from its first request: on a busy machine it would be over before it does anything."""
    asked = len(proxy.requests())
    operator.start()
    eventually("its first request", lambda: len(proxy.requests()) > asked)


def _live_a_little(stage: Stage, parts: list[Part], proxy: FaultProxy, chance: Random, acts: int) -> None:
    """Play some acts, and go on until so many writes were asked for, or for a while."""
    before, writes = _writes(proxy), chance.randint(1, 12)
    dies_at = time.monotonic() + chance.uniform(0.3, LONGEST_LIFE_S)
    order = chance.sample(parts, len(parts))
    while time.monotonic() < dies_at and _writes(proxy) - before < writes:
        for part in order:
            if acts > 0 and stage.play(part):
                acts -= 1
        time.sleep(0.005)


def _play_on(stage: Stage, parts: list[Part]) -> bool:
    for part in parts:
        stage.play(part)
    return all(part.over for part in parts)


def _writes(proxy: FaultProxy) -> int:
    return len(proxy.requests(verbs=WRITES, path=OBJECTS))


def _outcome(part: Part) -> dict[str, Any]:
    status = part.run.status
    return {name: status.get(name, 0) for name in part.outcome()}
