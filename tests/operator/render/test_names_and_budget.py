"""The Service that gives workers names, and the budget that holds back evictions."""

import pytest
from tandem_operator.plan.policies import rendezvous, wanted
from tandem_operator.render.disruption_budget import disruption_budget
from tandem_operator.render.manifests import manifests
from tandem_operator.render.service import rendezvous_service

from .shapes import SITE, pod_of, run_of


def test_the_meeting_point_is_a_name_of_the_service() -> None:
    """Host name and subdomain of worker 0 make the address that every worker is told."""
    run = run_of(attempt=7, workers=2)
    service, first = rendezvous_service(run), pod_of(run)["spec"]
    assert service is not None
    assert rendezvous.address(run) == f"{first['hostname']}.{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
    assert first["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"].items() <= pod_of(run)["metadata"]["labels"].items()
    assert (service["spec"]["clusterIP"], service["spec"]["publishNotReadyAddresses"]) == ("None", True)


def test_one_worker_needs_no_service_and_knows_its_own_name() -> None:
    """The kubelet writes the bare host name into /etc/hosts, and no other."""
    run = run_of(attempt=7)
    assert rendezvous_service(run) is None
    assert rendezvous.address(run) == f"{pod_of(run)['spec']['hostname']}:29400"


@pytest.mark.parametrize(("now", "wanted_workers"), [(1, 2), (2, 1)])
def test_names_outlive_a_change_of_size(now: int, wanted_workers: int) -> None:
    """A run that shrank and may grow again, or one whose attempt is larger than what is asked for next, keeps its Service."""
    run = run_of(workers=wanted_workers)
    run = run.model_copy(update={"status": run.status.model_copy(update={"workers": now})})
    assert rendezvous_service(run) is not None
    assert rendezvous.address(run) == "r-1-0.r-ranks:29400"


def test_a_budget_counts_workers_that_must_stay() -> None:
    """All of them while it holds, and none otherwise; never a share, for which Kubernetes would ask the run for its scale."""
    run = run_of(workers=3)
    held, free = (disruption_budget(run, hold=hold)["spec"] for hold in (True, False))
    assert (held.pop("minAvailable"), free.pop("minAvailable")) == (3, 0)
    assert held == free
    assert "maxUnavailable" not in held
    assert held["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert held["selector"]["matchLabels"].items() <= pod_of(run)["metadata"]["labels"].items()
    assert held["selector"]["matchExpressions"] == [{"key": "tandem.dev/spare", "operator": "DoesNotExist"}]


def test_manifests_come_in_the_order_in_which_they_are_made() -> None:
    """Names before those who need them; all belong to the run, in its namespace."""
    run = run_of(workers=2)
    made = manifests(run, wanted.workers(run), SITE)
    assert [each["kind"] for each in made] == ["Service", "PodDisruptionBudget", "Pod", "Pod"]
    for each in made:
        assert each["metadata"]["namespace"] == "team"
        assert each["metadata"]["ownerReferences"][0]["uid"] == run.metadata.uid


def test_a_run_that_no_server_knows_owns_nothing() -> None:
    """A file on a disk has no uid, and a reference without one would be refused."""
    run = run_of()
    run = run.model_copy(update={"metadata": run.metadata.model_copy(update={"uid": ""})})
    assert not any("ownerReferences" in each["metadata"] for each in manifests(run, wanted.workers(run), SITE))
