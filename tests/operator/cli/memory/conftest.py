"""`tandem memory` as people use it, against the real service: a namespace of each test's own."""

import subprocess
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from tandem_memory.client import Judged, Memory, Record, Verified

from tests.services.memory.process import Service


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("memory")).start()
    yield made
    made.kill()


@pytest.fixture
def namespace(desk: Any, service: Service, request: pytest.FixtureRequest) -> str:
    """A namespace of the test's own, which the environment of its commands names."""
    name: str = request.node.originalname
    desk.environ |= {"TANDEM_MEMORY": service.address, "TANDEM_MEMORY_NAMESPACE": name}
    return name


@pytest.fixture
def run(desk: Any, namespace: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `tandem memory` about it."""
    assert namespace
    return lambda *words: desk.tandem("memory", *words)


@pytest.fixture
def memory(service: Service, namespace: str) -> Iterator[Memory]:
    """The same namespace, for the test itself."""
    with Memory(service.address, namespace) as made:
        yield made


@pytest.fixture
def two_lanes(memory: Memory) -> list[str]:
    """What a cloud and a local lane wrote, and used of each other; ids."""
    lanes = {"cloud": (0.9, "0.02", 154.0), "local": (0.7, "0", 49.5)}
    ids: list[str] = []
    for lane, (score, cost, seconds) in lanes.items():
        records = [
            Record(
                question=f"{lane} {n}",
                answer="so",
                source=lane,
                score=score,
                cost_usd=Decimal(cost),
                verified=Verified.LABEL,
                metrics={"coherence": score, "duration_seconds": seconds},
            )
            for n in range(2)
        ]
        ids += [each.id for each in memory.append(records)]
    uses = [(ids[0], 1.0, "local"), (ids[0], 0.5, "local"), (ids[1], 0.0, "cloud"), (ids[2], -1.0, "cloud")]
    memory.judge([Judged(id=id_, gain=gain, source=source) for id_, gain, source in uses])
    return ids
