"""The Service that gives workers names, and the budget that holds back evictions."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tandem_operator.plan.acceptance import Place, problems
from tandem_operator.plan.policies import rendezvous, wanted
from tandem_operator.render.disruption_budget import disruption_budget
from tandem_operator.render.manifests import AS_INSTALLED, manifests
from tandem_operator.render.service import rendezvous_service

from .shapes import SITE, SPEC, pod_of, run_of, variables


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


def test_the_cluster_that_is_foreseen_is_the_chart_as_it_comes() -> None:
    """`tandem plan --manifests` knows no cluster; what it assumes stands in the chart's own values."""
    values = yaml.safe_load((Path(__file__).parents[3] / "charts/tandem/values.yaml").read_text())
    images, trainer = values["images"], values["trainer"]["image"]["repository"]
    assert f"{images['registry']}/{trainer}:{images['tag']}" == AS_INSTALLED.trainer_image
    assert f"{images['registry']}/{values['reasoning']['image']['repository']}:{images['tag']}" == AS_INSTALLED.reasoning_image
    assert images["pullPolicy"] == AS_INSTALLED.image_pull_policy == AS_INSTALLED.reasoning_pull_policy
    assert values["operator"]["unreachableSeconds"] == AS_INSTALLED.unreachable_seconds
    assert values["reasoning"]["ledger"] == {"storageClass": AS_INSTALLED.ledger_class or "", "size": AS_INSTALLED.ledger_size}
    assert values["memory"]["enabled"] is (AS_INSTALLED.memory is not None)


@pytest.mark.parametrize("form", ["table", "yaml", "json"])
def test_plan_prints_what_a_cluster_would_be_given(form: str, tmp_path: Path) -> None:
    """A list that kubectl takes; paths are those of the image, not of this machine; YAML is the form for people."""
    ran = _planned(tmp_path, form, trainer={"script": {"path": "/app/train.py"}}, checkpoint={"uri": "s3://bucket/r"})
    assert (ran.returncode, ran.stderr) == (0, "")
    listed = json.loads(ran.stdout) if form == "json" else yaml.safe_load(ran.stdout)
    assert [each["kind"] for each in listed["items"]] == ["Service", "PodDisruptionBudget", "Pod", "Pod"]
    assert json.loads(variables(listed["items"][3])["TANDEM_JOB"])["trainer"]["path"] == "/app/train.py"


def test_plan_says_what_a_cluster_would_refuse(tmp_path: Path) -> None:
    """Exit 2, no pod, and the operator's own lines: all that it would state as NotAccepted."""
    ran = _planned(tmp_path, "table", trainer={"script": {"path": "train.py"}}, checkpoint={"uri": "file:///x"})
    run = run_of(trainer={"script": {"path": "train.py"}}, checkpoint={"uri": "file:///x"})
    said = problems(run, Place(trainer_image=AS_INSTALLED.trainer_image))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.splitlines() == [f"tandem: run.yaml: {line}" for line in said]
    assert [line.split(":")[0] for line in said] == ["spec.checkpoint.uri", "spec.trainer.script.path"]


def _planned(folder: Path, form: str, **spec: Any) -> subprocess.CompletedProcess[str]:
    told = {"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": "r"}, "spec": {**SPEC, "workers": 2, **spec}}
    (folder / "run.yaml").write_text(yaml.safe_dump(told))
    command = [str(Path(sys.executable).with_name("tandem")), "plan", "run.yaml", "--manifests", "-o", form]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env={"TANDEM_STATE": str(folder)})
