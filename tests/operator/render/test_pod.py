"""A worker as a pod: how it is found, what it may do, how it starts and ends."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_operator.api.placement import Spot
from tandem_operator.render.manifests import manifests
from tandem_operator.render.pod import pod

from .shapes import SITE, container, pod_of, run_of, spare_of

NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True)
TOLD = {"TANDEM_JOB": '{"checkpoint":{}}', "TANDEM_WORKERS": "2"}
OURS = ["app.kubernetes.io/managed-by", "tandem.dev/run", "tandem.dev/run-uid", "tandem.dev/attempt", "tandem.dev/rank"]
LABELS = st.dictionaries(
    st.sampled_from([*OURS, "tandem.dev/spare", "tandem.dev/dual-run", "team", "kueue.x-k8s.io/queue-name"]), st.text("ab", max_size=3)
)
NOTES = st.dictionaries(st.sampled_from(["kueue.x-k8s.io/pod-group-total-count", "note"]), st.text("ab", max_size=3))


def test_a_pod_can_be_found_by_run_attempt_and_rank() -> None:
    """Labels for selectors, a host name for peers, and the run as the owner with whom the pod is deleted."""
    made = pod_of(run_of(attempt=3, workers=2), rank=1)
    assert {name: made["metadata"]["labels"][name] for name in OURS} == dict(
        zip(OURS, ["tandem", "r", "0f8fad5b-d9cb-469f-a165-70867728950e", "3", "1"], strict=True)
    )
    assert (made["metadata"]["name"], made["metadata"]["namespace"]) == ("r-3-1", "team")
    assert (made["spec"]["hostname"], made["spec"]["subdomain"]) == ("r-3-1", "r-ranks")
    (owner,) = made["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"], owner["blockOwnerDeletion"]) == ("TrainingRun", "r", True, False)


@given(name=NAMES, attempt=st.integers(1, 10**9), rank=st.integers(0, 9999))
def test_no_name_is_longer_than_a_host_name_may_be(name: str, attempt: int, rank: int) -> None:
    """Names of pods, of the Service and of Kueue's group are labels of DNS: at most 63 characters."""
    run = run_of(name, attempt, workers=2, pod={"queue": "q"})
    worker = replace(spare_of(run), rank=rank, spare=False, environment=TOLD)
    for made in manifests(run, [worker], SITE):
        assert len(made["metadata"]["name"]) <= 63
        assert all(len(value) <= 63 for value in made["metadata"]["labels"].values())
        assert all(len(made["spec"].get(field, "")) <= 63 for field in ("hostname", "subdomain"))


@given(LABELS, NOTES, st.booleans())
def test_what_a_run_adds_never_replaces_what_is_ours(labels: dict[str, str], annotations: dict[str, str], spare: bool) -> None:  # noqa: FBT001
    """Labels of the run's own stand beside ours; one that has the name of ours is passed over."""
    run = run_of(pod={"labels": labels, "annotations": annotations, "queue": "line"})
    bare = run_of(pod={"queue": "line"})
    worker = replace(spare_of(run), spare=spare, environment=TOLD)
    made, without = (pod(worker, each, SITE)["metadata"] for each in (run, bare))
    assert made["labels"].items() >= without["labels"].items()
    assert made.get("annotations", {}).items() >= without.get("annotations", {}).items()
    assert {name: text for name, text in made["labels"].items() if name not in without["labels"]} == {
        name: text for name, text in labels.items() if name not in without["labels"] and not name.startswith("tandem.dev/")
    }


@pytest.mark.parametrize("spare", [False, True])
@pytest.mark.parametrize("accelerator", ["none", "nvidia", "amd"])
def test_every_pod_is_restricted(accelerator: str, spare: bool) -> None:  # noqa: FBT001
    """Each field that the `restricted` Pod Security Standard asks for, and a root file system that nobody writes."""
    run = run_of(accelerator=accelerator, gpusPerWorker=0 if accelerator == "none" else 8)
    spec = (pod(spare_of(run), run, SITE) if spare else pod_of(run))["spec"]
    assert spec["securityContext"].items() >= {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}.items()
    assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["fsGroup"] == 65532
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers", "ephemeralContainers"} & set(spec)
    assert not any("hostPath" in volume for volume in spec["volumes"])
    for each in spec["containers"]:
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }


def test_a_pod_has_no_rights_at_the_api_server_unless_the_run_names_whose() -> None:
    """No token of the default account; that of an account which the run chose."""
    bare, named = pod_of(run_of())["spec"], pod_of(run_of(pod={"serviceAccount": "trainers"}))["spec"]
    assert (bare["automountServiceAccountToken"], bare.get("serviceAccountName")) == (False, None)
    assert (named["automountServiceAccountToken"], named["serviceAccountName"]) == (True, "trainers")


def test_a_pod_is_given_the_time_of_a_notice_to_leave() -> None:
    """The site's, or the run's own; it is never started again in its place."""
    assert pod_of(run_of())["spec"]["terminationGracePeriodSeconds"] == 100
    assert pod_of(run_of(pod={"graceSeconds": 25}))["spec"]["terminationGracePeriodSeconds"] == 25
    assert pod_of(run_of())["spec"]["restartPolicy"] == "Never"


def test_the_agent_is_started_in_any_image() -> None:
    """The site's image by the site's rule of pulling it, one of the run by its own, and the same command in both."""
    ours, theirs = container(pod_of(run_of())), container(pod_of(run_of(image="own:2")))
    assert ours["command"] == theirs["command"] == ["python3", "-m", "tandem_trainer.agent"]
    assert (ours["image"], ours["imagePullPolicy"]) == ("tandem-trainer:1", "IfNotPresent")
    assert (theirs["image"], theirs.get("imagePullPolicy")) == ("own:2", None)
    assert container(pod_of(run_of(image="own:2", pod={"imagePullPolicy": "Always"})))["imagePullPolicy"] == "Always"


def test_images_are_pulled_with_secrets_of_site_and_run() -> None:
    """Each once, though both name it."""
    site = replace(SITE, image_pull_secrets=("hub", "mirror"))
    made = pod_of(run_of(pod={"imagePullSecrets": ["own", "hub"]}), site)
    assert made["spec"]["imagePullSecrets"] == [{"name": "hub"}, {"name": "mirror"}, {"name": "own"}]


@pytest.mark.parametrize(("accelerator", "resource"), [("nvidia", "nvidia.com/gpu"), ("amd", "amd.com/gpu")])
def test_cards_are_asked_for_by_the_name_of_their_maker(accelerator: str, resource: str) -> None:
    """Cards and memory are limits as well, processors are not; and taints of nodes with cards are tolerated."""
    made = pod_of(run_of(accelerator=accelerator, gpusPerWorker=8, pod={"cpu": "32", "memory": "256Gi"}))
    assert container(made)["resources"] == {
        "requests": {"cpu": "32", "memory": "256Gi", resource: "8"},
        "limits": {"memory": "256Gi", resource: "8"},
    }
    assert {"key": resource, "operator": "Exists"} in made["spec"]["tolerations"]


def test_a_spare_waits_and_holds_no_secret() -> None:
    """It takes the same room in the same places; it runs no trainer, reads nothing, and is gone at once when asked to leave."""
    wants: dict[str, Any] = {"cpu": "4", "env": [{"name": "KEY", "secret": {"name": "k", "key": "k"}}], "secrets": ["s"], "queue": "line"}
    volumes = [{"mountPath": "/data", "claim": "data"}, {"mountPath": "/keys", "secret": "keys"}]
    run = run_of(workers=2, pod={**wants, "volumes": volumes})
    spare, worker = pod(spare_of(run), run, SITE), pod_of(run)
    assert container(spare)["resources"] == container(worker)["resources"]
    assert {part: spare["spec"][part] for part in ("affinity", "tolerations")} == {
        part: worker["spec"][part] for part in ("affinity", "tolerations")
    }
    assert not {"env", "envFrom"} & set(container(spare))
    assert [volume["persistentVolumeClaim"]["claimName"] for volume in spare["spec"]["volumes"]] == ["data"]
    assert spare["spec"]["terminationGracePeriodSeconds"] == 1
    assert spare["metadata"]["labels"]["tandem.dev/spare"] == "true"
    assert "tandem.dev/spare" not in worker["metadata"]["labels"]
    assert not any("kueue" in name for name in spare["metadata"]["labels"])


def test_an_attempt_stands_in_line_as_one_group() -> None:
    """Kueue's group of plain pods has as many members as the attempt, a name that no other run gives, and is not mended when one ends."""
    run = run_of(attempt=4, workers=3, pod={"queue": "line"})
    metadata = pod_of(run)["metadata"]
    assert metadata["labels"].items() >= {"kueue.x-k8s.io/queue-name": "line", "kueue.x-k8s.io/pod-group-name": "r-0f8fad5b-4"}.items()
    unstored = run.model_copy(update={"metadata": run.metadata.model_copy(update={"uid": ""})})
    assert pod_of(unstored)["metadata"]["labels"]["kueue.x-k8s.io/pod-group-name"] == "r-4"
    assert metadata["annotations"] == {"kueue.x-k8s.io/pod-group-total-count": "3", "kueue.x-k8s.io/retriable-in-group": "false"}
    assert "annotations" not in pod_of(run_of(workers=3))["metadata"]


def test_a_pod_on_a_spot_machine_can_always_be_drained() -> None:
    """Karpenter's `do-not-disrupt` would take the notice away, so it is kept on other machines only."""
    run = run_of(pod={"annotations": {"karpenter.sh/do-not-disrupt": "true", "note": "mine"}})
    assert pod_of(run, spot=Spot.PREFER)["metadata"]["annotations"] == {"note": "mine"}
    assert "karpenter.sh/do-not-disrupt" in pod_of(run, spot=Spot.NEVER)["metadata"]["annotations"]
