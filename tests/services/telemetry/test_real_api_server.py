"""Callers are verified by a real API server, with tokens that it made out itself."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from tandem.telemetry.v1.telemetry_pb2 import ListRequest, ReportRequest, WorkerReport
from tandem.telemetry.v1.telemetry_pb2_grpc import TelemetryServiceStub
from tandem_rpc import channel

Make = Callable[..., WorkerReport]


@dataclass(frozen=True)
class Installed:
    """Telemetry beside a real API server, in namespaces of the test's own."""

    api: Any
    sink: Any
    folder: Path
    home: str

    def token_file(self, namespace: str, account: str, *more: str) -> Path:
        """A new token of a service account, for our audience if none is named."""
        path = self.folder / f"token-of-{namespace}-{account}"
        path.write_text(self.api.kubectl("create", "token", account, "-n", namespace, *(more or ("--audience=tandem-telemetry",))))
        return path

    def call(self, token_file: Path, what: Callable[[TelemetryServiceStub], object]) -> grpc.StatusCode:
        """How a call with that token ends."""
        with channel(self.sink.address, token_file=token_file) as made:
            try:
                what(TelemetryServiceStub(made))
            except grpc.RpcError as error:
                return error.code()
            return grpc.StatusCode.OK

    def delegate(self) -> None:
        """Let our service account ask whose tokens are."""
        self.api.kubectl(
            "create", "clusterrolebinding", self.home, "--clusterrole=system:auth-delegator", f"--serviceaccount={self.home}:telemetry"
        )


@pytest.fixture
def installed(api_cluster: Any, sink: Any, tmp_path: Path) -> Iterator[Installed]:
    home = api_cluster.new_namespace("tandem")
    for account in ("telemetry", "tandem-operator"):
        api_cluster.kubectl("create", "serviceaccount", account, "-n", home)
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text(api_cluster.kubectl("create", "token", "telemetry", "-n", home))
    there = json.loads(api_cluster.kubectl("config", "view", "--raw", "--flatten", "-o", "json"))["clusters"][0]["cluster"]
    (account / "ca.crt").write_bytes(base64.b64decode(there["certificate-authority-data"]))
    settings = {"TOKEN_REVIEW": "true", "API_SERVER": there["server"], "SERVICE_ACCOUNT": account, "TOKEN_FILE": ""}
    sink.start(**settings, OPERATORS=f"system:serviceaccount:{home}:tandem-operator")
    yield Installed(api_cluster, sink, tmp_path, home)
    api_cluster.kubectl("delete", "clusterrolebinding", home, "--ignore-not-found")
    api_cluster.kubectl("delete", "namespace", home, "--wait=false")


def report(made: WorkerReport, namespace: str) -> Callable[[TelemetryServiceStub], object]:
    made.source.namespace = namespace
    return lambda stub: stub.Report(iter([ReportRequest(report=made)]))


def test_a_cluster_says_whose_tokens_are(installed: Installed, make: Make) -> None:
    """Workers report of their namespace, the operator sees all, and whoever else comes is told why not."""
    team = installed.api.new_namespace("team")
    worker, operator = installed.token_file(team, "default"), installed.token_file(installed.home, "tandem-operator")
    assert installed.call(worker, report(make(1), team)) is grpc.StatusCode.UNAVAILABLE  # nobody may be asked yet
    installed.delegate()
    installed.api.wait_until("the binding to count", lambda: installed.call(worker, report(make(1), team)) is grpc.StatusCode.OK)
    assert installed.call(worker, report(make(1), "kube-system")) is grpc.StatusCode.PERMISSION_DENIED
    assert installed.call(worker, lambda stub: stub.List(ListRequest())) is grpc.StatusCode.PERMISSION_DENIED
    assert installed.call(worker, lambda stub: stub.List(ListRequest(namespace=team))) is grpc.StatusCode.OK
    with channel(installed.sink.address, token_file=operator) as made:
        (seen,) = TelemetryServiceStub(made).List(ListRequest()).reports
    assert seen.source.namespace == team
    installed.api.kubectl("delete", "namespace", team, "--wait=false")


def test_what_is_no_token_for_us_is_refused(installed: Installed, make: Make) -> None:
    """A token for the API server itself, one of an account that is gone, and a forged one."""
    installed.delegate()
    known = installed.token_file(installed.home, "tandem-operator")
    looking = lambda stub: stub.List(ListRequest())  # noqa: E731 - three words
    installed.api.wait_until("the binding to count", lambda: installed.call(known, looking) is grpc.StatusCode.OK)
    installed.api.kubectl("create", "serviceaccount", "gone", "-n", installed.home)
    gone = installed.token_file(installed.home, "gone")
    installed.api.kubectl("delete", "serviceaccount", "gone", "-n", installed.home)
    forged = installed.folder / "forged"
    header, claims, _ = known.read_text().split(".")
    forged.write_text(f"{header}.{claims}.{base64.urlsafe_b64encode(bytes(256)).decode().rstrip('=')}")
    for token_file in (installed.token_file(installed.home, "telemetry", "--duration=10m"), gone, forged):
        assert installed.call(token_file, report(make(1), installed.home)) is grpc.StatusCode.UNAUTHENTICATED, token_file


def test_while_the_api_server_is_away_only_who_is_known_goes_on(installed: Installed) -> None:
    """New callers are told to try again, and let in when it is back."""
    installed.delegate()
    known, new = installed.token_file(installed.home, "tandem-operator"), installed.folder / "new"
    looking = lambda stub: stub.List(ListRequest())  # noqa: E731 - three words
    installed.api.wait_until("the binding to count", lambda: installed.call(known, looking) is grpc.StatusCode.OK)
    new.write_text(
        installed.api.kubectl("create", "token", "tandem-operator", "-n", installed.home, "--audience=tandem-telemetry", "--duration=20m")
    )
    installed.api.api_stop()
    try:
        assert installed.call(new, looking) is grpc.StatusCode.UNAVAILABLE
        assert installed.call(known, looking) is grpc.StatusCode.OK
    finally:
        installed.api.api_start()
    installed.api.wait_until("the new one to be let in", lambda: installed.call(new, looking) is grpc.StatusCode.OK)
