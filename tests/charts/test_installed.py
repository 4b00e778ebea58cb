"""Installed for real: rights as the API server decides them, secrets that outlive upgrades, runs that outlive the chart."""

import json
import os
import secrets
import subprocess
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.charts.chart import CHART, ROOT
from tests.cluster.cluster import Cluster

Helm = Callable[..., str]
Install = Callable[..., AbstractContextManager[tuple[str, Helm]]]
_QUICKSTART = ROOT / "manifests/examples/cluster-quickstart.yaml"


@pytest.fixture
def installed(helm: Path, api_cluster: Cluster) -> Install:
    """Installs with the given settings, into a namespace of its own: its name, and a Helm that is told the release."""
    api_cluster.kubectl(
        "delete", "lease", "tandem-operator-of-all-namespaces", "-n", "default", "--ignore-not-found"
    )  # of other tests' operators

    @contextmanager
    def install(*settings: str) -> Generator[tuple[str, Helm]]:
        space = f"tandem-{secrets.token_hex(4)}"

        def call(command: str, *arguments: str) -> str:
            environ = {**os.environ, "KUBECONFIG": str(api_cluster.kubeconfig)}
            line = [str(helm), command, "tandem", *arguments, f"--namespace={space}"]
            done = subprocess.run(line, env=environ, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            return done.stdout

        call("install", str(CHART), "--create-namespace", *(f"--set={each}" for each in settings))
        try:
            yield space, call
        finally:
            call("uninstall", "--ignore-not-found")

    return install


def test_secrets_outlive_upgrades(installed: Install, api_cluster: Cluster) -> None:
    """An upgrade keeps certificates and keys, that of MinIO also in the namespaces of runs; else workers would be shut out."""

    def held(space: str) -> list[dict[str, str]]:
        names = (
            *((f"tandem-{name}", space) for name in ("telemetry-tls", "memory-tls", "operator-key", "minio")),
            ("tandem-minio", "default"),
        )
        return [json.loads(api_cluster.kubectl("-n", place, "get", "secret", name, "-o", "jsonpath={.data}")) for name, place in names]

    with installed("minio.enabled=true", "memory.enabled=true") as (space, helm):
        before = held(space)
        helm("upgrade", str(CHART), "--set=minio.enabled=true", "--set=memory.enabled=true", "--set=operator.replicas=2")
        assert held(space) == before
        assert api_cluster.kubectl("-n", space, "get", "deployment", "tandem-operator", "-o", "jsonpath={.spec.replicas}") == "2"


def test_the_api_server_decides_as_written(installed: Install, api_cluster: Cluster) -> None:
    """The operator may make pods and not read secrets; in one namespace nothing elsewhere; its Lease and no other."""
    with installed("watchNamespace=default") as (space, _):
        operator, telemetry = (f"system:serviceaccount:{space}:tandem-{name}" for name in ("operator", "telemetry"))
        reviews = "tokenreviews.authentication.k8s.io"
        api_cluster.wait_until("the operator's roles to be known", lambda: _may(api_cluster, operator, "default", "create", "pods"))
        api_cluster.wait_until("those of telemetry", lambda: _may(api_cluster, telemetry, space, "create", reviews))
        assert _may(api_cluster, operator, "default", "patch", "trainingruns.tandem.dev", "--subresource=status")
        assert not _may(api_cluster, operator, "default", "patch", "trainingruns.tandem.dev")
        assert not _may(api_cluster, operator, "kube-system", "create", "pods")
        assert _may(api_cluster, operator, "default", "create", "secrets")
        assert not [verb for verb in ("get", "list", "watch", "patch", "update") if _may(api_cluster, operator, "default", verb, "secrets")]
        assert _may(api_cluster, operator, "default", "watch", "nodes")
        assert _may(api_cluster, operator, "default", "update", "leases.coordination.k8s.io/tandem-operator")
        assert not _may(api_cluster, operator, "default", "update", "leases.coordination.k8s.io/another")
        assert not _may(api_cluster, operator, space, "update", "leases.coordination.k8s.io/tandem-operator")
        assert _may(api_cluster, telemetry, space, "create", reviews)
        assert not _may(api_cluster, telemetry, space, "get", "pods")


def test_a_second_release_that_watches_the_same_is_refused(
    installed: Install, api_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Helm names the first and the way out, wherever it is; one whose operator is down, and the same release again, are no reason."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")  # where a time without a zone would be hours ago
    space, path = api_cluster.new_namespace("watched"), ("apply", "-f", "-")
    api_cluster.kubectl(*path, stdin=_lease(space, "team-a/one", datetime.now(UTC)))
    told = f"release team-a/one cares for the runs of {space} already .Lease {space}/tandem-operator.: `helm uninstall one -n team-a` first"
    with pytest.raises(AssertionError, match=told), installed(f"watchNamespace={space}"):
        pass
    monkeypatch.setenv("TZ", "America/Los_Angeles")  # where it would be hours ahead
    api_cluster.kubectl(*path, stdin=_lease(space, "team-a/one", datetime.now(UTC) - timedelta(hours=1)))
    with installed(f"watchNamespace={space}") as (home, helm):
        api_cluster.kubectl(*path, stdin=_lease(space, f"{home}/tandem", datetime.now(UTC)))
        helm("upgrade", str(CHART), f"--set=watchNamespace={space}")


def _lease(space: str, release: str, renewed: datetime) -> str:
    """The Lease of an operator, as that one writes it."""
    metadata = {"namespace": space, "name": "tandem-operator", "annotations": {"tandem.dev/release": release}}
    spec = {"holderIdentity": "one-7d4", "renewTime": renewed.isoformat(timespec="microseconds").replace("+00:00", "Z")}
    return json.dumps({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec})


def test_what_live_runs_go_by_outlives_the_chart(installed: Install, api_cluster: Cluster) -> None:
    """The next release of that name has the certificates and keys of the one before: whom workers believe, and what they show."""
    own = ("telemetry-tls", "memory-tls", "operator-key", "minio")
    settings = ("minio.enabled=true", "memory.enabled=true")

    def held(space: str) -> list[str]:
        return [api_cluster.kubectl("-n", space, "get", "secret", f"tandem-{name}", "-o", "jsonpath={.data}") for name in own]

    with installed(*settings) as (space, helm):
        before = held(space)
        helm("uninstall")
        helm("install", str(CHART), *(f"--set={each}" for each in settings))
        assert held(space) == before
        assert api_cluster.kubectl("-n", "default", "get", "secret", "tandem-minio", "-o", "jsonpath={.data}") == before[-1]


def test_runs_outlive_the_chart(installed: Install, api_cluster: Cluster) -> None:
    """`helm uninstall` leaves the custom resources, and every run."""
    with installed() as (space, helm):
        api_cluster.kubectl("-n", space, "apply", "-f", _QUICKSTART)
        helm("uninstall")
        assert "cluster-quickstart" in api_cluster.kubectl("-n", space, "get", "trainingruns", "-o", "name")
        assert not json.loads(api_cluster.kubectl("-n", space, "get", "deployments,roles,services", "-o", "json"))["items"]


def test_what_to_do_next_is_said_in_commands_that_work(installed: Install, api_cluster: Cluster) -> None:
    """Each kubectl line of the notes is one that the API server takes; and they warn that all who use this MinIO share its owner's key."""
    with installed("minio.enabled=true") as (_, helm):
        notes = helm("status")
        assert "WARNING: this is the key of MinIO's owner" in notes
        lines = [line.split()[1:] for line in notes.splitlines() if line.startswith("    kubectl")]
        assert len(lines) == 6
        for words in lines:
            tried = [str(ROOT / word) if word.startswith("manifests/") else word for word in words if word != "-w"]
            if "rollout" in tried or "wait" in tried:  # nothing runs here that could get there
                tried = ["-n", tried[1], "get", tried[-1]]
            api_cluster.kubectl(*tried)
        api_cluster.kubectl("-n", "default", "delete", "trainingrun", "cluster-quickstart")


def _may(api: Cluster, who: str, space: str, verb: str, what: str, *more: str) -> bool:
    command = [str(api.kubectl_program), f"--kubeconfig={api.kubeconfig}", "auth", "can-i", verb, what, *more]
    done = subprocess.run([*command, f"--as={who}", f"--namespace={space}"], capture_output=True, text=True, check=False)
    assert done.stdout.strip() in {"yes", "no"}, done.stderr
    return done.stdout.strip() == "yes"
