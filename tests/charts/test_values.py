"""Settings: each is explained, a mistyped one is refused with its name, and every mode and every value file renders."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic.alias_generators import to_snake
from tandem_operator.cluster.settings import Settings

from tests.charts.chart import CHART, MODES, ROOT, VALUE_FILES, Chart
from tests.parts.our_images import DOCKERFILES

OURS = ("tandem.dev/v1alpha1",)  # what Helm has installed before it renders

REFUSED = {
    "operator.replica=2": ("/operator", "replica"),
    "operater.replicas=2": ("", "operater"),
    "operator.replicas=3": ("/operator/replicas", "1, 2"),
    "operator.unreachableSeconds=0": ("/operator/unreachableSeconds", "minimum"),
    "provider=azure": ("/provider", "'aws', 'gke', 'onprem'"),
    "watchNamespace=Teams": ("/watchNamespace", "pattern"),
    "images.pullPolicy=Sometimes": ("/images/pullPolicy", "IfNotPresent"),
    "trainer.image.digest=sha256:1": ("/trainer/image/digest", "pattern"),
    "telemetry.tls.certmanager.enabled=true": ("/telemetry/tls", "certmanager"),
    "telemetry.tls.certManager.issuerKind=issuer": ("/telemetry/tls/certManager/issuerKind", "ClusterIssuer"),
    "checkpoints.uri=tandem/runs": ("/checkpoints/uri", "s3://"),
    "checkpoints.endpoint=minio:9000": ("/checkpoints/endpoint", "https?"),
    'operator.podLabels={"app.kubernetes.io/name":"mine"}': ("/operator/podLabels/app.kubernetes.io~1name", "false"),
    "operator.resources.limit.memory=1Gi": ("/operator/resources", "limit"),
    "operator.resources.limits.memory=1GB": ("/operator/resources/limits/memory", "pattern"),
    'operator.tolerations=[{"key":"a","effect":"NoExec"}]': ("/operator/tolerations/0/effect", "NoExecute"),
    'minio.runNamespaces=["Default"]': ("/minio/runNamespaces/0", "pattern"),
    'memory.grants=[{"who":"*","namespaces":["*"],"may":"write"}]': ("/memory/grants/0/may", "append"),
    "memory.tls.days=0": ("/memory/tls/days", "minimum"),
    "rbac.readNodes=yes": ("/rbac/readNodes", "boolean"),
    "monitoring.dashboard.enabled=true": ("/monitoring", "dashboard"),
    "networkPolicy.scrapers=[]": ("/networkPolicy/scrapers", "minItems"),
}


@pytest.mark.parametrize("setting", REFUSED)
def test_a_mistake_is_refused_with_the_name_of_its_field(chart: Chart, setting: str) -> None:
    """Helm says where and what, and renders nothing."""
    where, what = REFUSED[setting]
    said = chart.refusal(setting)
    assert f"at '{where}'" in said
    assert what in said


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (("telemetry.tls.certManager.enabled=true",), "telemetry.tls.certManager.issuer"),
        (("memory.enabled=true", "memory.tls.certManager.enabled=true"), "memory.tls.certManager.issuer"),
        (
            ("telemetry.tls.certManager.enabled=true", "telemetry.tls.certManager.issuer=a", "telemetry.tls.existingSecret=b"),
            "telemetry.tls: existingSecret",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(chart: Chart, settings: tuple[str, ...], field: str) -> None:
    """What a schema cannot say, the templates say."""
    assert field in chart.refusal(*settings)


@pytest.mark.parametrize(
    ("settings", "api"),
    [
        (("monitoring.monitors.enabled=true",), "monitoring.coreos.com/v1"),
        (("monitoring.alerts.enabled=true",), "monitoring.coreos.com/v1"),
        (("telemetry.tls.certManager.enabled=true", "telemetry.tls.certManager.issuer=ours"), "cert-manager.io/v1"),
    ],
)
def test_kinds_that_the_cluster_does_not_know_are_named_with_a_way_out(chart: Chart, settings: tuple[str, ...], api: str) -> None:
    """Helm's own word for it is "no matches for kind". Without a cluster (helm template) nobody can know, and it renders."""
    field = settings[0].partition("=")[0]
    said = chart.refusal(*settings, knows=OURS)
    assert f"{field}: this cluster does not know {api}: install " in said
    assert "or set it to false" in said
    assert not chart.refusal(*settings, knows=(*OURS, api))
    assert not chart.refusal(*settings)


@pytest.mark.parametrize("file", VALUE_FILES, ids=lambda file: file.parent.name)
def test_a_value_file_says_what_else_its_cluster_needs(chart: Chart, file: Path) -> None:
    """Whoever installs by it where that is missing is told which setting wants it; what its first lines name is then enough."""
    said = chart.refusal(files=(file,), knows=OURS)
    assert not said or ("monitoring.monitors.enabled" in said and "kube-prometheus-stack" in file.read_text().partition("\nprovider")[0])
    assert not chart.refusal(files=(file,), knows=(*OURS, "monitoring.coreos.com/v1"))


@pytest.mark.parametrize("file", VALUE_FILES, ids=lambda file: file.parent.name)
def test_a_value_file_has_every_image_built_that_it_uses(file: Path) -> None:
    """Its first lines build, name and bring over each of our five."""
    head = file.read_text().partition("\nprovider")[0]
    assert "uv run poe images" in head
    assert f"for part in {' '.join(DOCKERFILES)}; do" in head


def test_helm_knows_which_version_it_is(helm: Path) -> None:
    """And which Kubernetes it is made for: else it takes itself for 1.20's, and refuses the chart wherever it cannot ask a cluster."""
    said = subprocess.run([helm, "version", "--short"], capture_output=True, text=True, check=True).stdout
    assert said.startswith("v3.22.0")
    subprocess.run([helm, "template", "tandem", str(CHART)], capture_output=True, check=True)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_clean(chart: Chart, mode: str) -> None:
    """Helm's own strict check finds nothing."""
    assert not chart.lint(*MODES[mode])


@pytest.mark.parametrize("file", VALUE_FILES, ids=lambda file: file.parent.name)
def test_every_value_file_fits(chart: Chart, file: Path) -> None:
    """What `manifests/` recommends is accepted and renders."""
    assert not chart.lint(files=(file,))
    assert chart.template(files=(file,))


def test_chart_and_readme_name_the_same_oldest_kubernetes() -> None:
    """Helm refuses what the README does not promise."""
    oldest = yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"].removeprefix(">=").removesuffix(".0-0")
    assert f"Kubernetes {oldest} or later" in " ".join((ROOT / "README.md").read_text().split())


def test_every_setting_is_explained() -> None:
    """Above every setting of values.yaml stands what it does, marked as helm-docs wants it."""
    text = (CHART / "values.yaml").read_text()
    explained, above = [], ""
    for line in text.splitlines():
        name, _, _ = line.strip().partition(":")
        if line.strip() and not name.startswith("#") and "# -- " in above:
            explained.append(name)
        above = f"{above}{line}" if name.startswith("#") else ""
    settings = [path.rpartition(".")[2] for path, value in _settings(yaml.safe_load(text)) if not _is_group(path, value)]
    assert explained == settings


def test_schema_and_defaults_name_the_same_settings() -> None:
    """No setting without a rule, no rule without a setting."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    defaults = {path for path, _ in _settings(yaml.safe_load((CHART / "values.yaml").read_text()))}
    assert set(_of_schema(schema, schema)) - {"global"} == defaults


@pytest.mark.parametrize("setting", ["qps", "burst", "graceSeconds", "unreachableSeconds"])
def test_the_operator_takes_every_number_that_the_chart_lets_through(setting: str) -> None:
    """Else Helm would install an operator that does not start."""
    limits = json.loads((CHART / "values.schema.json").read_text())["properties"]["operator"]["properties"][setting]
    name = to_snake(setting)
    for number in (limits["minimum"], limits["maximum"]):
        assert Settings.model_validate({name: number}).model_dump()[name] == number


def _is_group(path: str, value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and not path.endswith(".resources")


def _settings(values: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting and every group of them; free-form maps count as one."""
    for name, value in values.items():
        yield f"{above}{name}", value
        if isinstance(value, dict) and name != "resources":
            yield from _settings(value, f"{above}{name}.")


def _of_schema(schema: dict[str, Any], part: dict[str, Any], above: str = "") -> Iterator[str]:
    for name, inner in part.get("properties", {}).items():
        yield f"{above}{name}"
        found = schema["$defs"][inner["$ref"].rpartition("/")[2]] if "$ref" in inner else inner
        if name not in {"resources", "affinity"}:
            yield from _of_schema(schema, found, f"{above}{name}.")
