"""Tells probes whether a service serves (grpc.health.v1, the protocol of Kubernetes' gRPC probes)."""

from collections.abc import Iterable
from typing import Any, cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc


class Health:
    """Status of a server and of each of its services: serving from the start until it stops."""

    def __init__(self, server: grpc.Server, services: Iterable[str]) -> None:
        self._servicer = cast("Any", health.HealthServicer())  # grpcio-health-checking comes without types
        for service in ("", *services):
            self._servicer.set(service, health_pb2.HealthCheckResponse.SERVING)
        cast("Any", health_pb2_grpc).add_HealthServicer_to_server(self._servicer, server)

    def stop(self) -> None:
        """Not serving any more, for good."""
        self._servicer.enter_graceful_shutdown()
