"""The word of a DualRun's coordinator in the planner's words; both shells hear it this way."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tandem_operator.api.dual_status import LaneState, LaneStatus, MemoryState, MemoryStatus
from tandem_operator.api.status import CheckpointStatus
from tandem_operator.plan.dual.values import DualReport

if TYPE_CHECKING:
    import tandem_rpc
    from tandem.reasoning.v1 import reasoning_pb2 as wire

_NANO = Decimal("1e-9")


def report(told: "wire.Status", at: datetime) -> DualReport:
    """A status of the coordinator, heard at `at`, as the planner reads it."""
    return DualReport(
        at=at,
        total=told.total,
        done=told.done,
        failed=told.failed,
        spent_usd=_usd(told.spent_nano),
        reserved_usd=_usd(told.reserved_nano),
        cap_usd=_usd(told.cap_nano) if told.HasField("cap_nano") else None,
        agreement=float(f"{told.agreement:.4g}") if told.HasField("agreement") else None,
        eta_seconds=told.eta_seconds if told.HasField("eta_seconds") else None,
        lanes=tuple(_lane(lane) for lane in told.lanes),
        memory=_memory(told.memory) if told.HasField("memory") else None,
        reason=told.reason,
        checkpoint=_checkpoint(told.snapshot) if told.HasField("snapshot") else None,
    )


class Coordination:
    """The newest report of one coordinator, kept through its restarts."""

    def __init__(
        self,
        address: str,
        token_file: Path | None = None,
        *,
        tls: "tandem_rpc.ClientTls | None" = None,
        plaintext: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_change: Callable[[], None] | None = None,
    ) -> None:
        """Begin to listen; arguments are those of `tandem_rpc.channel` and of `tandem_rpc.following.Following`.

        Raises:
            tandem_rpc.RpcSetupError: when one of them cannot be used. A coordinator that is not there (yet) is no error.
            RuntimeError: when the machine has no thread for it.
        """
        from tandem.reasoning.v1 import reasoning_pb2 as wire
        from tandem.reasoning.v1.reasoning_pb2_grpc import ReasoningServiceStub
        from tandem_rpc import channel
        from tandem_rpc.following import Following

        opened = channel(address, token_file=token_file, tls=tls, plaintext=plaintext, own_thread=True)
        watch = ReasoningServiceStub(opened).Watch
        listened = partial(watch, wire.WatchRequest(), wait_for_ready=True)
        self._following = Following(opened, listened, who=f"coordinator at {address}", now=now, on_change=on_change)

    def newest(self) -> DualReport | None:
        """The newest report; None until the coordinator was heard."""
        found = self._following.newest()
        return report(found[0].status, found[1]) if found else None

    def close(self) -> None:
        """Listen no more."""
        self._following.close()


def _lane(lane: "wire.LaneStatus") -> LaneStatus:
    return LaneStatus(
        name=lane.name,
        state=LaneState(lane.state),
        problem=lane.problem,
        done=lane.done,
        calls=lane.calls,
        in_flight=lane.in_flight,
        input_tokens=lane.input_tokens,
        output_tokens=lane.output_tokens,
        spent_usd=_usd(lane.spent_nano),
    )


def _memory(told: "wire.MemoryStatus") -> MemoryStatus:
    return MemoryStatus(state=MemoryState(told.state), problem=told.problem, waiting=told.waiting)


def _checkpoint(told: "wire.Snapshot") -> CheckpointStatus:
    return CheckpointStatus(step=told.answered, uri=told.uri, at=told.at.ToDatetime(UTC))


def _usd(nano: int) -> Decimal:
    return nano * _NANO
