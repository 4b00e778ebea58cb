"""Asks the sink once, for whoever has to know now: a watch tells of things a moment later."""

from pathlib import Path

from tandem.telemetry.v1.telemetry_pb2 import ListRequest, WorkerReport


def ask(address: str, token_file: Path | None, namespace: str, run: str, *, timeout_s: float) -> WorkerReport | None:
    """The newest report of one run, of all that the sink has taken in.

    Returns:
        None when it knows none, is not there, or does not answer within `timeout_s`.

    Raises:
        tandem_rpc.RpcSetupError: when address or token cannot be used.
    """
    import grpc
    from tandem.telemetry.v1.telemetry_pb2_grpc import TelemetryServiceStub
    from tandem_rpc import channel

    with channel(address, token_file=token_file) as asked:
        try:
            answer = TelemetryServiceStub(asked).List(ListRequest(namespace=namespace, run=run), timeout=timeout_s)
        except grpc.RpcError:
            return None
    return next(iter(answer.reports), None)
