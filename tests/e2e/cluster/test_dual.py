"""A DualRun on a cluster: one real language model in a pod of its own and one outside, a shared memory, and what befalls them."""

import base64
import csv
import io
import json
from collections.abc import Generator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import yaml

from tests.cluster.cluster import Cluster
from tests.e2e.cluster.installation import RELEASE, SERVICES_ON, Applied, Installation, Tenant
from tests.e2e.cluster.pod_processes import kill
from tests.e2e.cluster.relay import relayed
from tests.parts.llm_servers.server import LanguageServer
from tests.services.reasoning.faults.faults import Faults
from tests.services.reasoning.faults.provider import Provider, providing

pytestmark = pytest.mark.slow

KEY = "sk-never-to-be-seen-7f3a91"
QUESTIONS = 100
PARTS = 4
TAKEN = "node2"  # operator and memory are on the other
ALONE = 4  # calls of the cloud while there is no other lane: more than may be under way
SLOWLY = 2.0  # seconds that each call of the cloud takes besides; with one at a time there is time to kill somebody, on any machine
FAULTS = Faults(latency_s=SLOWLY, key=KEY)
ONE_AT_A_TIME = {"maxInFlight": 1}
WATCHED = "pods,services,configmaps,persistentvolumeclaims,events,events.events.k8s.io,dualruns"
QUESTIONS_OF_MEMORY = """
import json, pathlib, sys
from tandem_memory.client import Memory
from tandem_rpc import ClientTls
token, ca = pathlib.Path("/tmp/token"), pathlib.Path("/tmp/ca")
told = json.loads(sys.argv[1])
token.write_text(told["token"]), ca.write_text(told["ca"])
with Memory(told["address"], told["namespace"], tls=ClientTls(ca=ca), token_file=token) as memory:
    print(json.dumps([record.question for record in memory.scan()]))
"""

SHAKE_HANDS = """
import os, pathlib, socket, ssl
host, port = os.environ["TANDEM_COORDINATOR"].split(":")
trusting = ssl.create_default_context(cafile=os.environ["TANDEM_TLS_CA"])
trusting.set_alpn_protocols(["h2"])
with socket.create_connection((host, int(port))) as bare, trusting.wrap_socket(bare, server_hostname=host) as spoken:
    shown = pathlib.Path("/var/run/secrets/tandem").glob("[!.]*")
    print(spoken.version(), *sorted(each.name for each in shown))
"""


@pytest.fixture
def provider(cloud_llm: LanguageServer) -> Generator[Provider]:
    """One that wants a key."""
    with providing(cloud_llm.url, cloud_llm.model, FAULTS) as paid:
        yield paid


@pytest.fixture
def pair(provider: Provider, installation: Installation) -> Generator[dict[str, Any]]:
    """A run over it, under an address that pods reach, and over a model of the examples that the run serves itself."""
    with relayed(provider.url, installation.cluster.host_address) as cloud_url:
        engine = {"server": "Transformers", "model": "models/local", "arguments": ["--dtype", "float32"]}
        lanes = [
            {"name": "local", "kind": "Local", "engine": engine, "limits": ONE_AT_A_TIME},
            {
                "name": "cloud",
                "kind": "Cloud",
                "url": cloud_url,
                "model": provider.model,
                "price": {"usdPerMillionInputTokens": 0.03, "usdPerMillionOutputTokens": 0.14},
                "limits": ONE_AT_A_TIME,
                "apiKeySecret": {"name": "provider", "key": "api-key"},
            },
        ]
        spec = {
            "questions": {"source": "questions/checkable.jsonl", "limit": QUESTIONS},
            "lanes": lanes,
            "experts": [{"name": name, "role": "Be brief."} for name in ("one", "two")],
            "maxSteps": 1,
            "thinking": {"bare": True, "maxTokens": 16},
            "routing": {"policy": "Random", "cloudShare": 0.5},
            "budget": {"usd": 1},
        }
        yield {"apiVersion": "tandem.dev/v1alpha1", "kind": "DualRun", "metadata": {"name": "pair"}, "spec": spec}


def test_a_pair_of_lanes_answers_all_though_its_pods_are_killed(
    tenant: Tenant, pair: dict[str, Any], cluster: Cluster, provider: Provider
) -> None:
    """Coordinator, workers and the node of the local lane are lost: all is answered and remembered once, by TLS, no secret is seen."""
    tenant.kubectl("create", "secret", "generic", "provider", f"--from-literal=api-key={KEY}")
    space = tenant.namespace
    cluster.kubectl("cordon", SERVICES_ON)
    run = tenant.apply(pair, memory={"namespace": space})
    run.wait("a node for the engine", lambda run: _is_placed(run, "engine-0"))
    cluster.kubectl("uncordon", SERVICES_ON)
    cluster.kubectl("cordon", TAKEN)
    run.wait("a node for the coordinator", lambda run: _is_placed(run, "coordinator-0"))
    cluster.kubectl("uncordon", TAKEN)
    run.wait("all parts", lambda run: len(_running(run)) == PARTS)
    assert _handshake(run) == "TLSv1.3 ca.crt token"
    said = ""
    for share, harm, slot in (
        (0.1, _kill, "worker-0"),
        (0.15, partial(_cut_the_power, provider), "engine-0"),
        (0.3, _kill, "coordinator-0"),
        (0.5, _delete, "coordinator-0"),
    ):
        run.wait(f"{share} of the answers", lambda run, share=share: run.status.get("done", 0) >= share * QUESTIONS)
        run.wait("all parts", lambda run: len(_running(run)) == PARTS)
        said += tenant.kubectl("logs", "-l", run.label, "--prefix", "--tail=-1", "--ignore-errors")
        harm(run, slot)
    tenant.kubectl("wait", "--for=condition=Complete", "--timeout=600s", f"dualrun/{run.name}")
    status = run.status
    assert (status["total"], status["done"], status["failed"]) == (QUESTIONS, QUESTIONS, 0), run.said()
    assert {part["name"]: part["start"] for part in status["parts"]}["coordinator-0"] > 1, "nobody was killed in the middle"
    assert all(_calls(run)[lane] > 0 for lane in ("local", "cloud"))
    assert 0 < float(status["spentUsd"]) < 1
    assert status["checkpoint"]["uri"].startswith("s3://"), run.said()
    assert {each["type"]: each["status"] for each in status["conditions"]}["Checkpointed"] == "True"
    answered = [row["id"] for row in csv.DictReader(io.StringIO(_kept(run, "answers.csv")))]
    assert len(answered) == len(set(answered)) == QUESTIONS
    remembered = _remembered(tenant, space)
    assert len(remembered) == len(set(remembered)) == QUESTIONS
    said += tenant.kubectl("get", WATCHED, "-o", "yaml") + _kept(run, "report.html") + _kept(run, "report.json")
    for part in ("operator", "telemetry"):
        said += tenant.installation.cluster.kubectl("logs", "-n", RELEASE, f"deployment/{RELEASE}-{part}", "--tail=-1")
    for secret in (KEY, *_secrets(run)):
        assert secret not in said
    assert "run pair-" in said, "these are not the logs of its coordinator"


def _is_placed(run: Applied, slot: str) -> bool:
    return any("nodeName" in pod["spec"] for pod in run.pods if f"-{slot}-" in pod["metadata"]["name"])


def _cut_the_power(provider: Provider, run: Applied, slot: str) -> None:
    """The node of the local lane is gone without a word: the cloud answers on while no engine is to be had; then there is one elsewhere.

    Until that is there the cloud takes its time, or it could answer all: how long an engine takes to start is the machine's affair.
    """
    cluster, before = run.tenant.installation.cluster, _calls(run)
    assert {pod["spec"]["nodeName"] for pod in run.pods if f"-{slot}-" in pod["metadata"]["name"]} == {TAKEN}
    cluster.kubectl("cordon", SERVICES_ON)
    cluster.node_kill(TAKEN)
    run.wait("the cloud to answer alone", lambda run: _calls(run)["cloud"] >= before["cloud"] + ALONE)
    provider.change(replace(FAULTS, latency_s=10 * SLOWLY))
    cluster.kubectl("uncordon", SERVICES_ON)
    run.wait("an engine elsewhere", lambda run: any(f"-{slot}-" in name and not name.endswith("-1") for name in _running(run)))
    provider.change(FAULTS)


def _calls(run: Applied) -> dict[str, int]:
    return {lane["name"]: lane.get("calls", 0) for lane in run.status.get("lanes", ())}


def _kill(run: Applied, slot: str) -> None:
    """SIGKILL for the process of a part, as the kernel gives it when memory is short."""
    (pod,) = [name for name in _running(run) if f"-{slot}-" in name]
    assert kill(pod, "tandem_reasoning")


def _delete(run: Applied, slot: str) -> None:
    """`kubectl delete pod`, as people do it."""
    (pod,) = [name for name in _running(run) if f"-{slot}-" in name]
    run.tenant.kubectl("delete", "pod", pod, "--wait=false")


def _running(run: Applied) -> list[str]:
    alive = [pod for pod in run.pods if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]]
    return [pod["metadata"]["name"] for pod in alive]


def _kept(run: Applied, name: str) -> str:
    """A file of the report, in the bucket."""
    minio, bucket = run.tenant.installation.cluster.minio.client, run.tenant.installation.bucket
    found = [each.object_name for each in minio.list_objects(bucket, prefix=run.place, recursive=True)]
    (key,) = [each for each in found if str(each).endswith(f"/{name}")]
    return minio.get_object(bucket, str(key)).data.decode()


def _remembered(tenant: Tenant, space: str) -> list[str]:
    """The questions in a namespace of the memory, as anybody with a service account of the cluster can read them."""
    cluster = tenant.installation.cluster
    (ca,) = yaml.safe_load_all(cluster.kubectl("get", "secret", f"{RELEASE}-memory-tls", "-n", RELEASE, "-o", "yaml"))
    told = {
        "address": f"{RELEASE}-memory.{RELEASE}.svc:7433",
        "namespace": space,
        "token": tenant.kubectl("create", "token", "default", "--audience=tandem-memory"),
        "ca": _decoded(ca["data"]["ca.crt"]),
    }
    program = ("python3", "-c", QUESTIONS_OF_MEMORY, json.dumps(told))
    return json.loads(cluster.kubectl("exec", "-n", RELEASE, f"{RELEASE}-memory-0", "--", *program))


def _handshake(run: Applied) -> str:
    """How a worker's pod and the coordinator speak, and what the former has been shown for that."""
    (worker,) = [name for name in _running(run) if "-worker-0-" in name]
    return run.tenant.kubectl("exec", worker, "--", "python3", "-c", SHAKE_HANDS).strip()


def _secrets(run: Applied) -> tuple[str, str]:
    """The token of a run, and a line of the key of its certificate."""
    found = json.loads(run.tenant.kubectl("get", "secrets", "-o", "json"))["items"]
    (kept,) = [each["data"] for each in found if "tls.key" in each["data"] and each["metadata"].get("ownerReferences")]
    return _decoded(kept["token"]), _decoded(kept["tls.key"]).splitlines()[1]


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()
