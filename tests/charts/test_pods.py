"""Pods: restricted in every mode, told only what their programs know, and of one mind about ports, files and names."""

from pathlib import Path
from typing import TypeVar

import pytest
from pydantic_settings import BaseSettings
from tandem_memory.program.rights_file import RightsFile
from tandem_memory.program.settings import Settings as MemorySettings
from tandem_memory.rights import Right
from tandem_operator.cluster.settings import Settings as OperatorSettings
from tandem_rpc import Caller
from tandem_telemetry.settings import Settings as TelemetrySettings

from tests.charts.chart import MODES, VALUE_FILES, Chart, Document, containers, environment, named, of_kind, pods

Settings = TypeVar("Settings", bound=BaseSettings)

RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "privileged": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
}


@pytest.mark.parametrize("mode", MODES)
def test_every_container_is_restricted(chart: Chart, mode: str) -> None:
    """No root, no writable root, no capability, the runtime's seccomp filter, and a memory limit."""
    found = pods(chart.template(*MODES[mode]))
    assert {"default": 2, "minio": 3, "memory": 3}.get(mode, len(found)) == len(found) >= 2
    for pod in found.values():
        security = pod["securityContext"]
        assert (security["runAsNonRoot"], security["runAsUser"], security["seccompProfile"]) == (True, 65532, {"type": "RuntimeDefault"})
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        for container in containers(pod):
            assert container["securityContext"] == RESTRICTED
            assert container["resources"]["limits"]["memory"]
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}


def test_every_volume_is_of_a_harmless_kind(chart: Chart) -> None:
    """Nothing of the node's disk; Secrets only as single files."""
    for pod in pods(chart.template(*MODES["network policies"])).values():
        for volume in pod["volumes"]:
            assert len({"emptyDir", "projected", "secret"} & volume.keys()) == 1


def test_telemetry_is_told_what_it_understands(chart: Chart, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each variable is one of its settings, and its own reader takes the value."""
    settings = _read(TelemetrySettings, "TANDEM_TELEMETRY_", pods(chart.template())["tandem-telemetry"], monkeypatch)
    assert (settings.listen, settings.metrics_listen) == ("0.0.0.0:7070", "0.0.0.0:9090")
    assert (settings.token_review, settings.audience) == (True, "tandem-telemetry")
    assert settings.operators == "system:serviceaccount:tandem:tandem-operator"


def test_memory_is_told_what_it_understands(chart: Chart, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each variable is one of its settings; and who may do what is a file that it can read: by default every pod may append."""
    documents = chart.template(*MODES["memory"])
    pod = pods(documents)["tandem-memory"]
    told = environment(pod["containers"][0])
    mounts = {each["mountPath"]: each["name"] for each in pod["containers"][0]["volumeMounts"]}
    assert mounts[str(Path(told["TANDEM_MEMORY_FOLDER"]).parent)] == "data"
    (source,) = next(each["projected"]["sources"] for each in pod["volumes"] if each["name"] == "rights")
    assert f"/etc/tandem/{source['configMap']['items'][0]['path']}" == told["TANDEM_MEMORY_RIGHTS_FILE"]
    (tmp_path / "rights.json").write_text(named(documents, "ConfigMap", source["configMap"]["name"])["data"]["rights.json"])
    caller = Caller(identity="system:serviceaccount:team-a:default", namespace="team-a")
    assert RightsFile(tmp_path / "rights.json").current().highest(caller, "anything") is Right.APPEND
    settings = _read(MemorySettings, "TANDEM_MEMORY_", pod, monkeypatch)
    assert (settings.listen, settings.token_review, settings.audience) == ("0.0.0.0:7433", True, "tandem-memory")


def test_a_full_disk_does_not_have_the_memory_restarted(chart: Chart) -> None:
    """What its health says keeps callers away, and is no reason to start it again: it goes on serving what it has."""
    (container,) = pods(chart.template(*MODES["memory"]))["tandem-memory"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["livenessProbe"].keys() & {"httpGet", "tcpSocket"} == {"tcpSocket"}


def test_runs_are_told_of_the_charts_memory(chart: Chart) -> None:
    """The operator knows its address and its authority; without a memory it knows of none."""
    documents = chart.template(*MODES["memory"], release="lab", namespace="training")
    told = _told_operator(documents, "lab-tandem-operator")
    sources = pods(documents)["lab-tandem-operator"]["volumes"][0]["projected"]["sources"]
    files = {each["path"]: source["secret"]["name"] for source in sources if "secret" in source for each in source["secret"]["items"]}
    assert told["TANDEM_OPERATOR_MEMORY"] == "lab-tandem-memory.training.svc:7433"
    assert files[Path(told["TANDEM_OPERATOR_MEMORY_CA"]).name] == "lab-tandem-memory-tls"
    assert {_operator(chart.template())[f"TANDEM_OPERATOR_{name}"] for name in ("MEMORY", "MEMORY_CA")} == {""}


def test_the_operator_is_told_what_it_understands(chart: Chart, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each variable is one of its settings, and its own reader takes the value, the empty ones too."""
    defaults = _read(OperatorSettings, "TANDEM_OPERATOR_", pods(chart.template())["tandem-operator"], monkeypatch)
    assert (defaults.namespace, defaults.read_nodes, defaults.image_pull_secrets, defaults.checkpoint_uri) == ("", True, (), None)
    given = ("watchNamespace=teams", "rbac.readNodes=false", "minio.enabled=true", 'images.pullSecrets=[{"name":"registry"}]')
    told = _read(OperatorSettings, "TANDEM_OPERATOR_", pods(chart.template(*given))["tandem-operator"], monkeypatch)
    assert (told.namespace, told.read_nodes, told.image_pull_secrets) == ("teams", False, ("registry",))
    assert (told.trainer_image, told.s3_secret) == ("localhost/tandem-trainer:dev", "tandem-minio")


def test_the_operator_is_told_all_that_it_can_be_told(chart: Chart) -> None:
    """A setting that the operator has and the chart has not is one that nobody in a cluster can use."""
    named_here = {each["name"] for each in pods(chart.template())["tandem-operator"]["containers"][0]["env"]}
    audience = {"audience"}  # the same everywhere
    assert {f"TANDEM_OPERATOR_{name.upper()}" for name in OperatorSettings.model_fields.keys() - audience} == named_here


def test_the_operator_shows_the_token_that_telemetry_wants(chart: Chart) -> None:
    """Audience, name, port and authority of the two ends fit together."""
    documents = chart.template(release="lab", namespace="training")
    operator, telemetry = (pods(documents)[f"lab-tandem-{name}"] for name in ("operator", "telemetry"))
    told = environment(operator["containers"][0])
    files = {each["path"]: each for source in operator["volumes"][0]["projected"]["sources"] for each in _files(source)}
    (mount,) = [each for each in operator["containers"][0]["volumeMounts"] if each["name"] == operator["volumes"][0]["name"]]
    assert told["TANDEM_OPERATOR_TOKEN_FILE"] == f"{mount['mountPath']}/token"
    assert told["TANDEM_OPERATOR_TELEMETRY_CA"] == f"{mount['mountPath']}/ca.crt"
    assert files["token"]["audience"] == environment(telemetry["containers"][0])["TANDEM_TELEMETRY_AUDIENCE"]
    assert told["TANDEM_OPERATOR_TELEMETRY"] == "lab-tandem-telemetry.training.svc:7070"
    assert set(files) == {"token", "ca.crt", "key"}, "the operator has no use for the key of telemetry"
    assert operator["serviceAccountName"] == "lab-tandem-operator"
    assert environment(telemetry["containers"][0])["TANDEM_TELEMETRY_OPERATORS"] == "system:serviceaccount:training:lab-tandem-operator"


def test_services_lead_to_ports_that_are_open(chart: Chart) -> None:
    """Each service selects one component and names a port of it."""
    documents = chart.template(*MODES["network policies"])
    made = {each["metadata"]["name"]: each for each in of_kind(documents, "Deployment", "StatefulSet")}
    for service in of_kind(documents, "Service"):
        target = made[service["metadata"]["name"]]["spec"]["template"]
        assert service["spec"]["selector"].items() <= target["metadata"]["labels"].items()
        ports = {port["name"]: port["containerPort"] for port in target["spec"]["containers"][0]["ports"]}
        assert {port["targetPort"]: port["port"] for port in service["spec"]["ports"]} == ports


@pytest.mark.parametrize(("provider", "seconds"), [("aws", "100"), ("gke", "25"), ("onprem", "100")])
def test_the_platform_decides_how_long_a_last_checkpoint_may_take(chart: Chart, provider: str, seconds: str) -> None:
    """AWS gives 120 s of notice, GKE 30; less the time that the notice takes to arrive."""
    assert _operator(chart.template(f"provider={provider}"))["TANDEM_OPERATOR_GRACE_SECONDS"] == seconds
    assert _operator(chart.template(f"provider={provider}", "operator.graceSeconds=7"))["TANDEM_OPERATOR_GRACE_SECONDS"] == "7"


def test_runs_use_the_charts_minio_where_nothing_else_is_said(chart: Chart) -> None:
    """Place, address and key follow from minio.enabled; what is said wins."""
    assert _checkpoints(chart, *MODES["minio"]) == ["s3://tandem/runs", "http://tandem-minio.tandem.svc:9000", "tandem-minio"]
    own = ("checkpoints.uri=s3://a-bucket/b", "checkpoints.endpoint=https://s3.example", "checkpoints.secret=c")
    assert _checkpoints(chart, *MODES["minio"], *own) == ["s3://a-bucket/b", "https://s3.example", "c"]
    assert _checkpoints(chart) == ["", "", ""]


@pytest.mark.parametrize("mode", ["minio", "minio with a key of yours"])
@pytest.mark.parametrize("endpoint", ["https://s3.example", "http://tandem-minio.other.svc:9000", "http://tandem-minio.tandem.svc"])
def test_an_s3_elsewhere_is_not_shown_the_key_of_the_charts_minio(chart: Chart, mode: str, endpoint: str) -> None:
    """Nor given its bucket as a place: there is none until one is named, and pods go there with the rights of their account."""
    assert _checkpoints(chart, *MODES[mode], f"checkpoints.endpoint={endpoint}") == ["", endpoint, ""]
    named_too = (f"checkpoints.endpoint={endpoint}", "checkpoints.uri=s3://theirs/runs")
    assert _checkpoints(chart, *MODES[mode], *named_too) == ["s3://theirs/runs", endpoint, ""]


@pytest.mark.parametrize("end", [".svc:9000", ".svc.cluster.local:9000", ":9000"])
def test_the_charts_minio_may_be_named_as_the_endpoint(chart: Chart, end: str) -> None:
    """By any of the names that it has in every namespace; its bucket and its key are taken then, too."""
    endpoint = f"http://tandem-minio.tandem{end}"
    found = _checkpoints(chart, *MODES["minio"], f"checkpoints.endpoint={endpoint}")
    assert found == ["s3://tandem/runs", endpoint, "tandem-minio"]


def test_images_are_named_by_registry_tag_and_digest(chart: Chart) -> None:
    """One registry for all, another for one; a digest wins over a tag."""
    digest = f"sha256:{'a' * 64}"
    documents = chart.template(
        *("images.registry=r.example/t", "images.tag=v1", "telemetry.image.digest=" + digest),
        *("trainer.image.registry=q.example", "reasoning.image.tag=v2"),
    )
    images = {name: pod["containers"][0]["image"] for name, pod in pods(documents).items()}
    assert images == {"tandem-operator": "r.example/t/tandem-operator:v1", "tandem-telemetry": f"r.example/t/tandem-telemetry@{digest}"}
    told = _operator(documents)
    assert told["TANDEM_OPERATOR_TRAINER_IMAGE"] == "q.example/tandem-trainer:v1"
    assert told["TANDEM_OPERATOR_REASONING_IMAGE"] == "r.example/t/tandem-reasoning:v2"


def test_two_operators_are_spread_and_not_drained_at_once(chart: Chart) -> None:
    """One that goes down with a node, or is drained, leaves the other."""
    documents = chart.template(*MODES["two operators"])
    deployment, budget = named(documents, "Deployment", "tandem-operator"), named(documents, "PodDisruptionBudget", "tandem-operator")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    (spread,) = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert deployment["spec"]["replicas"] == 2
    for selector in (budget["spec"]["selector"], spread["labelSelector"]):
        assert selector["matchLabels"].items() <= labels.items()
    assert not of_kind(chart.template(), "PodDisruptionBudget"), "with one replica it would block every drain"


def test_nothing_of_the_chart_passes_for_a_worker(chart: Chart) -> None:
    """Workers are found by a label that no pod of the chart has, not even those of the value files."""
    for files in ((), *((file,) for file in VALUE_FILES)):
        for each in of_kind(chart.template(files=files), "Deployment", "StatefulSet"):
            assert "app.kubernetes.io/managed-by" not in each["spec"]["template"]["metadata"]["labels"]


def test_labels_and_places_reach_the_pods(chart: Chart) -> None:
    """What is set for a component is on its pods, beside what the chart needs."""
    documents = chart.template(
        'operator.tolerations=[{"key":"infra","operator":"Exists"}]',
        "operator.nodeSelector.pool=infra",
        "operator.podAnnotations.note=x",
        "operator.podLabels.team=ml",
        "operator.priorityClassName=high",
        'images.pullSecrets=[{"name":"registry"}]',
    )
    template = named(documents, "Deployment", "tandem-operator")["spec"]["template"]
    assert template["metadata"]["labels"]["team"] == "ml"
    assert template["metadata"]["annotations"] == {"note": "x"}
    pod = template["spec"]
    assert (pod["nodeSelector"], pod["priorityClassName"], pod["imagePullSecrets"]) == ({"pool": "infra"}, "high", [{"name": "registry"}])
    assert [each["key"].rpartition("/")[2] for each in pod["tolerations"]] == ["not-ready", "unreachable", "infra"]


def _read(kind: type[Settings], prefix: str, pod: Document, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings that a program makes of its pod's variables."""
    told = {each["name"]: each.get("value", "of the pod") for each in pod["containers"][0]["env"]}
    assert {name.removeprefix(prefix).lower() for name in told} <= kind.model_fields.keys()
    with monkeypatch.context() as patched:
        for name, value in told.items():
            patched.setenv(name, value)
        return kind()


def _operator(documents: list[Document]) -> dict[str, str]:
    return _told_operator(documents, "tandem-operator")


def _told_operator(documents: list[Document], name: str) -> dict[str, str]:
    return environment(pods(documents)[name]["containers"][0])


def _files(source: Document) -> list[Document]:
    return source["secret"]["items"] if "secret" in source else [source["serviceAccountToken"]]


def _checkpoints(chart: Chart, *settings: str) -> list[str]:
    """What the operator is told of checkpoints: place, address and Secret."""
    told = _operator(chart.template(*settings))
    return [told[f"TANDEM_OPERATOR_{name}"] for name in ("CHECKPOINT_URI", "S3_ENDPOINT", "S3_SECRET")]
