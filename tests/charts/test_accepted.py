"""A real API server takes all of it: what the chart renders, what `manifests/` recommends, and what people apply first."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.charts.chart import CHART, FOREIGN, MODES, ROOT, VALUE_FILES, Chart, Document
from tests.charts.karpenter import KARPENTER_AWS
from tests.cluster.cluster import Cluster
from tests.parts.fixtures import program

SPACES = ("tandem", "teams")
EXAMPLES = sorted((ROOT / "manifests/examples").glob("*.yaml"))
STRICTLY = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")


@pytest.fixture(scope="module")
def api(api_cluster: Cluster) -> Cluster:
    """An API server that knows our kinds, and lets nothing but restricted pods into the chart's namespace."""
    api_cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", CHART / "crds")
    api_cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", CHART / "crds")
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    for name in SPACES:
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        api_cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump(space))
    return api_cluster


@pytest.fixture(scope="module")
def karpenter(api: Cluster, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The same, knowing Karpenter's kinds, too."""
    definitions = program(KARPENTER_AWS, request.config)
    api.kubectl("apply", "--server-side", "--force-conflicts", "-f", definitions)
    api.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", definitions)
    yield api
    api.kubectl("delete", "--wait=false", "-f", definitions)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_accepted(chart: Chart, api: Cluster, mode: str) -> None:
    """Every field is known, every value valid, and no pod breaks the restricted profile."""
    _accept(api, chart.template(*MODES[mode]))


@pytest.mark.parametrize("file", VALUE_FILES, ids=lambda file: file.parent.name)
def test_every_value_file_is_accepted(chart: Chart, api: Cluster, file: Path) -> None:
    """The same of what `manifests/` recommends."""
    _accept(api, chart.template(files=(file,)))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_every_example_is_accepted(api: Cluster, file: Path) -> None:
    """`kubectl apply` of an example works."""
    api.kubectl(*STRICTLY, stdin=file.read_text())


def test_the_node_pools_are_accepted(karpenter: Cluster) -> None:
    """Karpenter's own rules hold for them."""
    text = (ROOT / "manifests/eks/nodepool-spot-a100.yaml").read_text()
    assert karpenter.kubectl(*STRICTLY, stdin=text).count("serverside-applied") == 3


def test_the_strict_check_can_fail(chart: Chart, api: Cluster) -> None:
    """A field that nobody knows and a pod that breaks the profile are told from good ones."""
    documents = chart.template()
    (deployment,) = [each for each in documents if each["metadata"]["name"] == "tandem-operator" and each["kind"] == "Deployment"]
    deployment["spec"]["replica"] = 2
    with pytest.raises(Exception, match="replica"):
        _accept(api, [deployment])
    del deployment["spec"]["replica"]
    deployment["spec"]["template"]["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(AssertionError, match="restricted"):
        _accept(api, [deployment])


def _accept(api: Cluster, documents: list[Document]) -> None:
    ours = [each for each in documents if each["apiVersion"] not in FOREIGN]
    command = [str(api.kubectl_program), f"--kubeconfig={api.kubeconfig}", *STRICTLY]
    done = subprocess.run(command, input=yaml.safe_dump_all(ours), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    assert done.stdout.count("serverside-applied") == len(ours)
