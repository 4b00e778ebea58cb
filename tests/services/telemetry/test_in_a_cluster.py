"""The service as it runs in a cluster: TLS, and a token of its own for everybody who calls."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from tandem.telemetry.v1.telemetry_pb2 import ListRequest, ReportRequest, WorkerReport
from tandem.telemetry.v1.telemetry_pb2_grpc import TelemetryServiceStub
from tandem_rpc import ClientTls, channel, refused_field
from tandem_telemetry.client import Reporter, Watcher

from tests.protos.authority import authority, needs_openssl
from tests.protos.token_reviewer import Reviewer, of, reviewing

pytestmark = needs_openssl
Make = Callable[..., WorkerReport]
Eventually = Callable[[Callable[[], object]], None]
OPERATOR = "system:serviceaccount:tandem:tandem-operator"
WORKER = "system:serviceaccount:team:default"
RUN = ("team", "run")


@dataclass
class Cluster:
    """The service, who tells it whose tokens are, and what callers need."""

    sink: Any
    reviewer: Reviewer
    folder: Path
    tls: ClientTls

    def token_of(self, identity: str, token: str) -> Path:
        """The file of a token that is known as `identity`'s."""
        self.reviewer.known[token] = of(identity)
        path = self.folder / token
        path.write_text(token)
        return path

    def reporter(self, token_file: Path) -> Reporter:
        return Reporter(self.sink.address, token_file, tls=self.tls)

    def watcher(self, token_file: Path, namespace: str = "") -> Watcher:
        return Watcher(self.sink.address, token_file, namespace, tls=self.tls)


@pytest.fixture
def cluster(sink: Any, tmp_path: Path) -> Iterator[Cluster]:
    ours = authority(tmp_path / "ours")
    certificate, key = ours.issue("telemetry")
    with reviewing(tmp_path, ours) as reviewer:
        sink.start(**reviewer.settings, OPERATORS=OPERATOR, TLS_CERT=certificate, TLS_KEY=key, TOKEN_FILE="")
        yield Cluster(sink, reviewer, tmp_path, ClientTls(ca=ours.certificate))


def step(watcher: Watcher) -> int:
    return watcher.newest()[RUN].step if RUN in watcher.newest() else -1


def test_workers_and_operator_meet(cluster: Cluster, make: Make, eventually: Eventually) -> None:
    """A worker reports of its namespace, the operator sees all of them; one question to the API server answers many calls."""
    worker, operator = cluster.token_of(WORKER, "worker"), cluster.token_of(OPERATOR, "operator")
    watcher = cluster.watcher(operator)
    for at in (1, 2, 3):
        reporter = cluster.reporter(worker)
        reporter.report(make(at, step=at))
        assert reporter.close(60)
    eventually(lambda: step(watcher) == 3)
    watcher.close()
    assert [review["spec"]["token"] for _, _, review in cluster.reviewer.asked].count("worker") == 1


def test_nobody_reports_or_looks_next_door(cluster: Cluster, make: Make) -> None:
    """Another namespace is refused with the field at fault, in every method, and nothing of it is taken in."""
    stranger = cluster.token_of("system:serviceaccount:other:default", "stranger")
    with channel(cluster.sink.address, token_file=stranger, tls=cluster.tls) as made:
        stub = TelemetryServiceStub(made)
        for call, field in (
            (lambda: stub.Report(iter([ReportRequest(report=make(1))])), "report.source.namespace"),
            (lambda: stub.List(ListRequest()), "namespace"),
            (lambda: stub.List(ListRequest(namespace="team")), "namespace"),
            (lambda: next(stub.Watch(ListRequest(namespace="team"))), "namespace"),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                call()
            assert (caught.value.code(), refused_field(caught.value)) == (grpc.StatusCode.PERMISSION_DENIED, field)
        assert not stub.List(ListRequest(namespace="other")).reports
    assert "tandem_telemetry_runs 0.0" in cluster.sink.get("/metrics")
    assert "tandem_telemetry_reports_refused_total 1.0" in cluster.sink.get("/metrics")


def test_without_the_api_server_nobody_new_is_let_in(
    cluster: Cluster, make: Make, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    """Who calls meanwhile is told so and asks again; when it is back, everything that was said arrives."""
    operator = cluster.watcher(cluster.token_of(OPERATOR, "operator"))
    worker = cluster.token_of(WORKER, "worker")
    eventually(lambda: "tandem_telemetry_watchers 1.0" in cluster.sink.get("/metrics"))
    cluster.reviewer.instead = (503, b"")
    reporter = cluster.reporter(worker)
    reporter.report(make(1, step=1))
    eventually(lambda: "UNAVAILABLE" in caplog.text)
    assert step(operator) == -1
    cluster.reviewer.instead = None
    assert reporter.close(60)
    eventually(lambda: step(operator) == 1)
    operator.close()


def test_a_rotated_token_is_shown_at_the_next_connection(cluster: Cluster, make: Make, eventually: Eventually) -> None:
    """Kubelet renews a mounted token by moving a link; a reporter whose old one has expired goes on with the new one."""
    operator = cluster.watcher(cluster.token_of(OPERATOR, "operator"))
    mounted = cluster.folder / "mounted"
    mounted.symlink_to(cluster.token_of(WORKER, "first"))
    reporter = cluster.reporter(mounted)
    reporter.report(make(1, step=1))
    eventually(lambda: step(operator) == 1)
    cluster.sink.kill()
    moved = cluster.folder / "moved"
    moved.symlink_to(cluster.token_of(WORKER, "second"))
    moved.replace(mounted)
    del cluster.reviewer.known["first"]
    reporter.report(make(2, step=2))
    cluster.sink.start()
    assert reporter.close(60)
    eventually(lambda: step(operator) == 2)
    operator.close()


def test_plain_text_is_not_spoken(cluster: Cluster) -> None:
    """A caller without TLS does not even get to show its token."""
    with channel(cluster.sink.address, token_file=cluster.token_of(OPERATOR, "operator")) as made, pytest.raises(grpc.RpcError) as caught:
        TelemetryServiceStub(made).List(ListRequest())
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert not cluster.reviewer.asked
