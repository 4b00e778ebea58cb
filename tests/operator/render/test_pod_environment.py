"""What a pod's worker is told, and what it finds in its file system."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_operator.api.status import CheckpointStatus
from tandem_operator.render.cluster_site import checkpoints
from tandem_operator.render.pod import pod
from tandem_trainer.job import Job

from .shapes import SITE, container, pod_of, run_of, spare_of, variables


def test_the_agent_reads_back_what_a_pod_is_told() -> None:
    """The planner's words and the site's make a job that the trainer understands, two workers apart."""
    job = Job.from_environment(variables(pod_of(run_of(attempt=2, workers=2), rank=1)))
    assert (job.attempt, job.worker_rank, job.workers, job.rendezvous) == (2, 1, 2, "r-2-0.r-ranks:29400")
    assert job.run.checkpoint.uri == f"s3://tandem/checkpoints/team/r/{job.run.uid}"
    assert (str(job.scratch), str(job.cache), str(job.token_file)) == ("/tandem/scratch", "/tandem/cache", "/var/run/secrets/tandem/token")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40))
def test_a_value_arrives_as_it_was_written(value: str) -> None:
    """Dollars and brackets are no variables to the kubelet, in the job no more than in a variable of the run's."""
    told = variables(pod_of(run_of(pod={"env": [{"name": "A", "value": value}]}, trainer={"script": {"path": "t", "args": [value]}})))
    assert told["A"] == value
    assert json.loads(told["TANDEM_JOB"])["trainer"]["args"] == [value]


def test_a_name_stands_once_and_the_run_has_the_last_word() -> None:
    """Server-side apply refuses two variables of one name."""
    env = [{"name": "OMP_NUM_THREADS", "value": "3"}, {"name": "HOME", "value": "/a"}, {"name": "HOME", "value": "/b"}]
    made = pod_of(run_of(pod={"cpu": "8", "env": env}))
    names = [entry["name"] for entry in container(made)["env"]]
    assert len(names) == len(set(names))
    assert (variables(made)["HOME"], variables(made)["OMP_NUM_THREADS"]) == ("/b", "3")


@pytest.mark.parametrize(
    ("cpu", "ranks", "threads"), [(None, 1, None), ("8", 3, "2"), ("500m", 1, "1"), ("7.5", 2, "3"), ("12000m", 2, "6"), ("2k", 4, "500")]
)
def test_ranks_share_the_processors_that_are_asked_for(cpu: str | None, ranks: int, threads: str | None) -> None:
    """At least one thread each; where nothing is asked for the agent counts what it may use."""
    spec = run_of(processesPerWorker=ranks, pod={"cpu": cpu} if cpu else {})
    assert variables(pod_of(spec)).get("OMP_NUM_THREADS") == threads


def test_our_telemetry_is_told_with_our_token_and_another_is_not() -> None:
    """The token is made out to our service and mounted only for it."""
    ours, theirs = pod_of(run_of()), pod_of(run_of(telemetry={"address": "t:1"}))
    assert variables(ours)["TANDEM_TELEMETRY"] == SITE.telemetry
    assert variables(ours)["TANDEM_TELEMETRY_CA"] == SITE.telemetry_ca
    assert variables(theirs)["TANDEM_TELEMETRY"] == "t:1"
    assert not {"TANDEM_TOKEN_FILE", "TANDEM_TELEMETRY_CA"} & set(variables(theirs))
    (token,) = [volume["projected"] for volume in ours["spec"]["volumes"] if "projected" in volume]
    assert token["sources"] == [{"serviceAccountToken": {"audience": "tandem-telemetry", "expirationSeconds": 3600, "path": "token"}}]
    for without in (theirs, pod_of(run_of(), replace(SITE, telemetry=None))):
        assert not any("projected" in volume for volume in without["spec"]["volumes"])
        assert "TANDEM_TOKEN_FILE" not in variables(without)


def test_keys_to_the_store_are_named_and_never_held() -> None:
    """The run's own Secret before the site's; whichever it is, only its name stands in the pod."""
    for run, secret in ((run_of(), "tandem-s3"), (run_of(checkpoint={"secret": "mine"}), "mine")):
        told = variables(pod_of(run))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            assert told[name] == {"secretKeyRef": {"name": secret, "key": name, "optional": False}}
        assert told["TANDEM_S3_ENDPOINT"] == SITE.s3_endpoint
        assert not {"secret", "endpoint"} & set(json.loads(told["TANDEM_JOB"])["checkpoint"])


def test_the_agent_knows_what_came_out_of_secrets() -> None:
    """By names, so that it can strike the values out of its last words; a star stands for whole Secrets; no name is told of none."""
    env = [{"name": "DB_PWD", "secret": {"name": "db", "key": "pwd"}}, {"name": "MODE", "value": "fast"}]
    keys = "AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY"
    assert variables(pod_of(run_of()))["TANDEM_SECRET_NAMES"] == keys
    assert variables(pod_of(run_of(pod={"env": env})))["TANDEM_SECRET_NAMES"] == f"{keys},DB_PWD"
    assert variables(pod_of(run_of(pod={"env": env, "secrets": ["all"]})))["TANDEM_SECRET_NAMES"] == f"{keys},DB_PWD,*"
    assert "TANDEM_SECRET_NAMES" not in variables(pod_of(run_of(), replace(SITE, s3_secret=None)))


def test_the_end_of_a_log_is_no_last_word() -> None:
    """Kubelet takes nothing but what the agent wrote: a log may hold secrets, and what it takes stands in status and events."""
    assert container(pod_of(run_of()))["terminationMessagePolicy"] == "File"


def test_the_keys_of_the_site_go_to_the_service_of_the_site_only() -> None:
    """A run that brings another S3 brings its keys as well, and who keeps checkpoints on a volume needs none."""
    other = variables(pod_of(run_of(checkpoint={"endpoint": "https://s3.example"})))
    assert (other["TANDEM_S3_ENDPOINT"], "AWS_ACCESS_KEY_ID" in other) == ("https://s3.example", False)
    volume = variables(pod_of(run_of(checkpoint={"uri": "file:///shared/r"})))
    assert not {"TANDEM_S3_ENDPOINT", "AWS_ACCESS_KEY_ID"} & set(volume)


def test_a_store_that_is_moved_to_another_node_is_waited_for() -> None:
    """Longer than Kubernetes takes to replace a pod of a silent node; a volume is there before its pod is."""
    volume = run_of(checkpoint={"uri": "file:///shared/r"})
    assert float(variables(pod_of(run_of()))["TANDEM_STORE_PATIENCE_SECONDS"]) > 50 + 300
    assert "TANDEM_STORE_PATIENCE_SECONDS" not in variables(pod_of(volume))


def test_a_worker_knows_how_long_it_may_take_to_leave() -> None:
    """As long as kubelet leaves it alone, whoever says so: the run or the site."""
    for run in (run_of(), run_of(pod={"graceSeconds": 600})):
        made = pod_of(run)
        assert variables(made)["TANDEM_GRACE_SECONDS"] == str(made["spec"]["terminationGracePeriodSeconds"])


def test_checkpoints_go_where_the_run_says_or_into_a_folder_of_its_own() -> None:
    """A shell can tell before it starts anything that there is no place for them."""
    assert checkpoints(run_of(checkpoint={"uri": "s3://own/place"}), SITE) == "s3://own/place"
    run = run_of()
    assert checkpoints(run, replace(SITE, checkpoint_uri="s3://b/p/")) == f"s3://b/p/team/r/{run.metadata.uid}"
    assert checkpoints(run, replace(SITE, checkpoint_uri=None)) is None


def test_what_a_run_has_begun_stays_where_it_is() -> None:
    """Whoever changes the site's place moves no run that has a checkpoint, and takes none away."""
    saved = CheckpointStatus(step=1, uri="s3://old/p/team/r/u/manifests/000001-000000000001.json", at=datetime(2026, 1, 1, tzinfo=UTC))
    begun = run_of()
    begun = begun.model_copy(update={"status": begun.status.model_copy(update={"checkpoint": saved})})
    assert checkpoints(begun, replace(SITE, checkpoint_uri="s3://new")) == "s3://old/p/team/r/u"
    assert checkpoints(begun, replace(SITE, checkpoint_uri=None)) == "s3://old/p/team/r/u"


def test_variables_and_whole_secrets_of_the_run_reach_the_trainer() -> None:
    """By reference, and a Secret that is not there keeps the worker from starting instead of being passed over."""
    made = pod_of(run_of(pod={"env": [{"name": "WANDB_API_KEY", "secret": {"name": "wandb", "key": "key"}}], "secrets": ["hub"]}))
    assert variables(made)["WANDB_API_KEY"] == {"secretKeyRef": {"name": "wandb", "key": "key", "optional": False}}
    assert container(made)["envFrom"] == [{"secretRef": {"name": "hub", "optional": False}}]


def test_a_worker_can_write_where_its_libraries_want_to() -> None:
    """Home, caches and temporary files lie on volumes, because the image is read-only."""
    made = pod_of(run_of(pod={"sharedMemory": "8Gi"}))
    mounts = {mount["mountPath"]: mount["name"] for mount in container(made)["volumeMounts"] if not mount.get("readOnly")}
    assert mounts.keys() == {"/tandem/scratch", "/tandem/cache", "/tmp", "/dev/shm"}  # noqa: S108
    for name in ("HOME", "XDG_CACHE_HOME", "HF_HOME", "TORCH_HOME", "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR"):
        assert any(variables(made)[name].startswith(place) for place in mounts), name
    volumes = {volume["name"]: volume for volume in made["spec"]["volumes"]}
    assert volumes[mounts["/dev/shm"]]["emptyDir"] == {"medium": "Memory", "sizeLimit": "8Gi"}  # noqa: S108


def test_volumes_of_the_run_come_on_top_and_may_take_the_place_of_ours() -> None:
    """No path is mounted twice; Secrets and ConfigMaps can only be read."""
    volumes = [
        {"mountPath": "/tandem/cache/", "claim": "cache"},
        {"mountPath": "/data", "claim": "data", "readOnly": True},
        {"mountPath": "/keys", "secret": "keys"},
        {"mountPath": "/code", "configMap": "code"},
    ]
    made = pod_of(run_of(pod={"volumes": volumes}))
    mounts = {mount["mountPath"].rstrip("/"): mount for mount in container(made)["volumeMounts"]}
    assert len(mounts) == len(container(made)["volumeMounts"]) == len(made["spec"]["volumes"])
    assert [mounts[path].get("readOnly", False) for path in ("/tandem/cache", "/data", "/keys", "/code")] == [False, True, True, True]
    assert "cache" not in {volume["name"] for volume in made["spec"]["volumes"]}


@pytest.mark.parametrize("claims", [[], [{"mountPath": "/tandem/experts", "claim": "fast"}]], ids=["of-the-node", "claim"])
def test_experts_on_a_disk_have_a_volume_of_their_own(claims: list[dict[str, str]]) -> None:
    """As large as was said, and asked of the node so that one is chosen that has it; or a claim of the run's in its place."""
    run = run_of(trainer={"experts": {"memory": {"disk": "500Gi"}}}, pod={"volumes": claims, "memory": "8Gi"})
    made = pod_of(run)
    for each in (made, pod(spare_of(run), run, SITE)):
        disk = {} if claims else {"ephemeral-storage": "500Gi"}
        assert container(each)["resources"] == {"requests": {"memory": "8Gi", **disk}, "limits": {"memory": "8Gi"}}
    (name,) = (mount["name"] for mount in container(made)["volumeMounts"] if mount["mountPath"] == "/tandem/experts")
    (volume,) = (each for each in made["spec"]["volumes"] if each["name"] == name)
    source = {"persistentVolumeClaim": {"claimName": "fast"}} if claims else {"emptyDir": {"sizeLimit": "500Gi"}}
    assert volume == {"name": name, **source}
    assert str(Job.from_environment(variables(made)).run.trainer.memory.on_disk) == "/tandem/experts"


def test_experts_in_memory_ask_for_no_disk() -> None:
    """Neither a volume, nor room on the node."""
    made = pod_of(run_of(trainer={"experts": {"memory": {"host": "64Gi"}}}))
    assert "experts" not in {volume["name"] for volume in made["spec"]["volumes"]}
    assert container(made)["resources"] == {}
    assert Job.from_environment(variables(made)).run.trainer.memory.on_disk is None


def test_a_spare_leaves_at_once_when_asked_to() -> None:
    """Its command, run for real: SIGTERM ends it as it ends a worker that saves, by an exit code of its own."""
    run = run_of()
    command = container(pod(spare_of(run), run, SITE))["command"]
    said = [sys.executable, "-c", command[2].replace("signal.pause()", "print(flush=True); signal.pause()")]
    with subprocess.Popen(said, stdout=subprocess.PIPE, env={"PATH": os.defpath}) as waiting:
        assert waiting.stdout is not None
        waiting.stdout.readline()
        assert waiting.poll() is None
        waiting.send_signal(signal.SIGTERM)
        assert waiting.wait(10) == 143
