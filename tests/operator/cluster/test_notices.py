"""Which taints are word that a machine is about to go."""

import pytest
from tandem_operator.cluster.seen.nodes import node_state

from tests.cluster.control.taints import NOTICES

AZURE = "remediator.kubernetes.azure.com/unschedulable"  # azure-aks-docs/articles/aks/node-auto-drain.md


@pytest.mark.parametrize("taint", [*NOTICES.values(), AZURE])
def test_each_platforms_taint_is_a_notice(taint: str) -> None:
    """Whoever takes machines away says so by a taint of their own."""
    assert node_state(_tainted(taint)).node.notice


@pytest.mark.parametrize("taint", ["node.kubernetes.io/unschedulable", "nvidia.com/gpu", "kubernetes.azure.com/scalesetpriority"])
def test_no_other_taint_is(taint: str) -> None:
    """A cordon, a card, or being a spot machine is no reason to go."""
    assert node_state(_tainted(taint)).node.notice is None


def _tainted(taint: str) -> dict[str, object]:
    return {"metadata": {"name": "n"}, "spec": {"taints": [{"key": taint, "effect": "NoSchedule"}]}}
