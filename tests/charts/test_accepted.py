"""A real API server takes all of it: what the chart renders, what `manifests/` recommends, and what people apply first."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.charts.chart import CHART, MODES, ROOT, VALUE_FILES, Chart, Document
from tests.charts.definitions import FOREIGN
from tests.cluster.cluster import Cluster
from tests.parts.fixtures import program

SPACES = ("tandem", "teams")
EXAMPLES = sorted((ROOT / "manifests/examples").glob("*.yaml"))
STRICTLY = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")


@pytest.fixture(scope="module")
def api(api_cluster: Cluster, request: pytest.FixtureRequest) -> Cluster:
    """An API server that knows our kinds and those of others, and lets nothing but restricted pods into the chart's namespaces."""
    for definitions in (CHART / "crds", *(program(part, request.config) for part in FOREIGN)):
        api_cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", definitions)
        api_cluster.kubectl("wait", "--for=condition=Established", "--timeout=300s", "-f", definitions)
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    for name in SPACES:
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        api_cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump(space))
    return api_cluster


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


def test_the_quickstart_of_a_cluster_is_the_quickstart() -> None:
    """Trained the same way here and there, so that both end at the same loss; a cluster is told of memory and of tidying up, too."""
    here, there = (
        yaml.safe_load((ROOT / f"manifests/examples/{name}.yaml").read_text())["spec"] for name in ("quickstart", "cluster-quickstart")
    )
    assert there.keys() - here.keys() == {"pod", "ttlSecondsAfterFinished"}
    assert {name: there[name] for name in here} == here


def test_the_node_pools_are_accepted(api: Cluster) -> None:
    """Karpenter's own rules hold for them."""
    text = (ROOT / "manifests/eks/nodepool-spot-a100.yaml").read_text()
    assert api.kubectl(*STRICTLY, stdin=text).count("serverside-applied") == 3


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
    command = [str(api.kubectl_program), f"--kubeconfig={api.kubeconfig}", *STRICTLY]
    done = subprocess.run(command, input=yaml.safe_dump_all(documents), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    assert done.stdout.count("serverside-applied") == len(documents)
