"""Definitions and operator are brought up to date while a run trains: its trainers do not notice."""

import json
from collections.abc import Generator
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.e2e.cluster.installation import Applied, Installation, Tenant
from tests.e2e.cluster.kept import Kept
from tests.operator.cluster.chronicle import Chronicle

pytestmark = pytest.mark.slow
DEFINITION = "customresourcedefinition/trainingruns.tandem.dev"
NEW = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/motto"


@pytest.fixture
def upgraded(run: Applied, cluster: Cluster, installation: Installation) -> Generator[Applied]:
    """The run, once a definition with one field more and another operator are there; later tests find those that were there before."""
    _define(cluster, {"op": "add", "path": NEW, "value": {"type": "string"}})
    installation.install(**{"operator.podLabels.came": "later"})
    yield run
    _define(cluster, {"op": "remove", "path": NEW})
    installation.install()


def _define(cluster: Cluster, change: dict[str, Any]) -> None:
    cluster.kubectl("patch", DEFINITION, "--type=json", "-p", json.dumps([change]))


@pytest.fixture
def run(tenant: Tenant, small: dict[str, Any], chronicle: Chronicle) -> Applied:
    """One that trains, whose life is written down."""
    assert chronicle.runs.told == []
    run = tenant.apply(small, workers=1, checkpoint={"everySteps": 50, "keepLast": 1000})
    run.wait_for_checkpoint(50)
    return run


def test_an_upgrade_under_a_live_run(upgraded: Applied, chronicle: Chronicle) -> None:
    """The attempt goes on in its pod, the next operator takes its reports and obeys its edits, and nothing that was said is taken back."""
    then = upgraded.status
    assert (then["attempt"], then["phase"]) == (1, "Running")
    upgraded.wait_for_checkpoint(then["step"] + 50)
    upgraded.edit(suspend=True)
    upgraded.wait_for_phase("Suspended")
    upgraded.wait_for_last_report()
    upgraded.edit(suspend=False)
    upgraded.wait_for_step(upgraded.status["step"] + 1, attempt=2)
    assert upgraded.status["lostSteps"] == 0
    history = chronicle.history()
    assert history.created() == {f"{upgraded.name}-{attempt}-0" for attempt in (1, 2)}
    assert list(history.breaches()) == []
    assert Kept.of(upgraded).written_too_late() == []
