"""What probes are told of the service."""

import time
from pathlib import Path
from urllib.error import HTTPError

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tandem_rpc import channel

from tests.services.memory.program.conftest import Process, Start, append, search

_PATIENCE_S = 300  # a slow machine is no failure
STATUS = health_pb2.HealthCheckResponse


def health(service: Process) -> tuple[int, str]:
    try:
        return 200, service.get("/healthz")
    except HTTPError as error:
        return error.code, error.read().decode()


def told(service: Process, status: int) -> bool:
    """Whether gRPC's probes come to be told this."""
    with channel(service.address) as made:
        probe = health_pb2_grpc.HealthStub(made)
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            if probe.Check(health_pb2.HealthCheckRequest(service="tandem.memory.v1.MemoryService")).status == status:
                return True
            time.sleep(0.05)
    return False


def data(service: Process) -> Path:
    return service.folder / "log" / "data.mdb"


def test_a_store_that_was_removed_is_told(start: Start) -> None:
    """With the reason, by both ways; what was there is still served, and all is well once the file is back."""
    service = start()
    stub = service.stub()
    stub.Append(append("a"))
    assert health(service) == (200, "ok\n")
    kept = data(service).with_name("elsewhere")
    data(service).rename(kept)
    code, reason = health(service)
    assert code == 503
    assert "lost its data.mdb, somebody removed it; back up what is still served" in reason
    assert told(service, STATUS.NOT_SERVING)
    with pytest.raises(grpc.RpcError):
        stub.Append(append("b"))
    assert stub.Search(search("a")).found[0].hits
    kept.rename(data(service))
    assert health(service) == (200, "ok\n")
    assert told(service, STATUS.SERVING)
    stub.Append(append("c"))
    lines = [line for line in service.log.read_text().splitlines() if "taken in" in line]
    assert ["ERROR" in line for line in lines] == [True, False]
