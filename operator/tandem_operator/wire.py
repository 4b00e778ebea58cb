"""A report of the telemetry service in the planner's words; both shells hear their workers this way."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tandem_operator.api.status import CheckpointStatus
from tandem_operator.plan.values import Report

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp
    from tandem.telemetry.v1.telemetry_pb2 import WorkerReport


def report(told: "WorkerReport") -> Report:
    """A report of the telemetry service as the planner reads it."""
    return Report(
        attempt=told.source.attempt,
        step=told.step,
        at=_time(told.at),
        training_phase=told.training_phase,
        loss=_measured(told.loss) if told.HasField("loss") else None,
        tokens_per_second=_measured(told.tokens_per_second) if told.HasField("tokens_per_second") else None,
        resumed_from_step=told.resumed_from_step if told.HasField("resumed_from_step") else None,
        first_step_at=_time(told.first_step_at) if told.HasField("first_step_at") else None,
        checkpoint=_checkpoint(told) if told.HasField("checkpoint") else None,
        checkpoint_problem=told.checkpoint_problem,
        spikes=told.spikes,
        refused_updates=told.refused_updates,
        broken_experts=told.broken_experts if told.HasField("broken_experts") else None,
    )


def _measured(value: float) -> float:
    """As many digits as the 32 bits hold that it was computed in; the others say nothing, and `kubectl get` shows them all."""
    return float(f"{value:.7g}")


def _checkpoint(told: "WorkerReport") -> CheckpointStatus:
    return CheckpointStatus(step=told.checkpoint.step, uri=told.checkpoint.uri, at=_time(told.checkpoint.at))


def _time(stamp: "Timestamp") -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)
