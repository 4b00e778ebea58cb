"""Nothing of a run stays in the operator once the run is gone: a small churn, with everything that it holds counted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench.operator import churn as module
from tests.bench.operator.coming import Pace
from tests.bench.operator.growth import Sample, slope
from tests.cluster.cluster import Cluster

_PACE = Pace(a_second=4, runs_s=1, stays_s=1, remembered_s=2)
_LASTS_S = 25


@pytest.fixture
def acts(api_cluster: Cluster) -> Iterator[None]:
    """Who would act for all namespaces may do so at once, now and afterwards: operators that were killed have left a long Lease."""
    lapse = ("delete", "lease", "tandem-operator-of-all-namespaces", "-n", "default", "--ignore-not-found")
    api_cluster.kubectl(*lapse)
    yield
    api_cluster.kubectl(*lapse)


@pytest.mark.usefixtures("api", "acts")
def test_what_is_gone_is_forgotten(api_cluster: Cluster, tmp_path: Path) -> None:
    """Nearly a hundred runs come and go; of no class, and in no container, are there more of anything than before."""
    api_cluster.add_fake_nodes(1)
    said: list[dict[str, Any]] = []
    assert module.churn(api_cluster, tmp_path, _LASTS_S, _PACE, said.append) == {}
    runs, restarts = said[-1]["runs"], said[-1]["operator_restarts"]
    assert runs > 2 * module._SLACK
    assert restarts == 0


@pytest.mark.parametrize(("added", "grows"), [(0.0, False), (3.0, True)])
def test_a_slope_and_how_sure_it_is(added: float, *, grows: bool) -> None:
    """A line through samples that go up and down by as much each is flat, and is not when they rise."""
    samples: list[Sample] = [(60.0 * minute, 100.0 + added * minute + minute % 2) for minute in range(30)]
    found = slope(samples)
    assert found.low <= added / 60 <= found.high
    assert (found.low > 0) is grows


def test_a_count_sees_what_an_object_holds() -> None:
    """Objects by class, and entries by attribute, with slots or without."""
    from tandem_operator.cluster.known.refusals import Refusals
    from tandem_operator.cluster.turns.crowd import Crowd

    from tests.bench.operator.counted import counts

    held = [Crowd() for _ in range(7)], Refusals()
    held[1]._of = {("n", str(number)): number for number in range(5)}  # pyright: ignore[reportAttributeAccessIssue]
    found = counts()
    assert found["Crowd"] >= 7
    assert found["Refusals._of"] >= 5
