"""What tests of DualRuns on a real API server share: machines for their parts, an operator that is told of them, and a run."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.operator.cluster.api import Api
from tests.operator.cluster.duals.eyes import IMAGE
from tests.operator.cluster.kubelets import Kubelets
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import DualRun

ALL = ("coordinator-0", "worker-0", "worker-1")


@pytest.fixture(scope="module")
def kubelets(api: Api) -> Iterator[Kubelets]:
    """Two machines, played by hand, for pods that say nothing of where they want to be."""
    with Kubelets(api, ("dual-1", "dual-2"), for_all=True).at_work() as ours:
        yield ours


@pytest.fixture
def settings(tmp_path: Path, disk: str) -> dict[str, str]:
    """What an operator is told of DualRuns."""
    key = tmp_path / "key"
    key.write_text("k" * 64)
    return {"reasoning_image": IMAGE, "key_file": str(key), "ledger_class": disk}


@pytest.fixture
def operator(operators: Callable[..., Operator], kubelets: Kubelets, settings: dict[str, str]) -> Operator:
    assert kubelets
    return operators(memory="tandem-memory.tandem.svc:7433", **settings).start()


@pytest.fixture
def run(api: Api, namespace: str) -> DualRun:
    return DualRun(api, namespace, "d")
