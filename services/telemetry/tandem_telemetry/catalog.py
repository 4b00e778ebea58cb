"""Every metric of Tandem, in one table: the exporters, METRICS.md, dashboards and alerts are all made from it.

Names follow Prometheus' naming guide: base units, `_total` on counters, the unit last. A run has one series of each, whatever
its workers and attempts: those are values, not labels, so that a run preempted a hundred times costs Prometheus no more than
one that never was. `source` says where a value comes from: a path into WorkerReport (protos/tandem/telemetry/v1), a property
of `totals.Totals`, one of the service's own figures, or the operator, which publishes its part by name (`client.Published`).
"""

from dataclasses import dataclass
from enum import StrEnum

RUN_LABELS = ("namespace", "run")


class Kind(StrEnum):
    """What Prometheus may do with a metric. Info is a gauge that is always 1 and says everything in its labels."""

    COUNTER = "counter"
    GAUGE = "gauge"
    INFO = "info"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A row of the table. `unit` is empty for plain numbers, `buckets` are the upper bounds of a histogram, the last one left out."""

    name: str
    kind: Kind
    unit: str
    source: str
    help: str
    labels: tuple[str, ...] = RUN_LABELS
    buckets: tuple[float, ...] = ()


def _gauge(name: str, unit: str, source: str, help_: str) -> Metric:
    return Metric(name=name, kind=Kind.GAUGE, unit=unit, source=source, help=help_)


def _counter(name: str, unit: str, source: str, help_: str) -> Metric:
    return Metric(name=name, kind=Kind.COUNTER, unit=unit, source=source, help=help_)


def _own(name: str, kind: Kind, unit: str, source: str, help_: str) -> Metric:
    return Metric(name=name, kind=kind, unit=unit, source=source, help=help_, labels=())


def _operator(name: str, kind: Kind, unit: str, help_: str, *labels: str, buckets: tuple[float, ...] = ()) -> Metric:
    return Metric(name=name, kind=kind, unit=unit, source="operator", help=help_, labels=labels, buckets=buckets)


RUN_METRICS = (
    Metric(
        name="tandem_run_info",
        kind=Kind.INFO,
        unit="",
        source="report",
        help="What the run is and which phase of its training it is in.",
        labels=(*RUN_LABELS, "trainer", "training_phase"),
    ),
    _gauge("tandem_attempt", "", "report.source.attempt", "The attempt that reports are taken from."),
    _gauge("tandem_last_report_timestamp_seconds", "seconds", "report.at", "When the newest report was made, by the worker's clock."),
    # Progress
    _gauge("tandem_step", "steps", "report.step", "Optimizer steps done since the beginning of the run."),
    _gauge("tandem_total_steps", "steps", "report.total_steps", "Optimizer steps that the whole run takes."),
    _counter(
        "tandem_steps_done_total", "steps", "totals.steps_done", "Optimizer steps carried out by all attempts, done-again ones included."
    ),
    _counter("tandem_tokens_total", "tokens", "totals.tokens", "Tokens trained on; those done again after a resume count once."),
    # Learning
    _gauge("tandem_loss", "nats per token", "report.loss", "Mean training loss of the last step; NaN when the model diverged."),
    _gauge("tandem_learning_rate", "", "report.learning_rate", "Learning rate of the last step."),
    _gauge("tandem_gradient_norm", "", "report.gradient_norm", "Norm of the gradient of the last step, before clipping."),
    _counter("tandem_spikes_total", "spikes", "totals.spikes", "Loss spikes seen by all attempts."),
    _gauge("tandem_broken_experts", "experts", "report.broken_experts", "Experts whose answers are no numbers: no token is sent to them."),
    _counter(
        "tandem_refused_updates_total",
        "updates",
        "totals.refused_updates",
        "Updates left out by all attempts, since errors were no numbers.",
    ),
    # Speed
    _gauge("tandem_tokens_per_second", "tokens per second", "report.tokens_per_second", "Tokens a second over all ranks."),
    _gauge("tandem_step_seconds", "seconds", "report.step_seconds", "Duration of the last optimizer step."),
    _gauge("tandem_utilization_ratio", "ratio", "report.utilization", "Model FLOPs over what the device was measured to reach, 0 to 1."),
    _gauge(
        "tandem_device_memory_bytes",
        "bytes",
        "report.device_memory_bytes",
        "Peak memory of the device; of experts on a processor, what a card would hold, by formula.",
    ),
    # Resume
    _gauge("tandem_resumed_from_step", "steps", "report.resumed_from_step", "The step this attempt went on from; 0 when it began anew."),
    _gauge(
        "tandem_resume_seconds", "seconds", "totals.resume_seconds", "From the last step of the attempt before to the first of this one."
    ),
    _gauge("tandem_first_step_timestamp_seconds", "seconds", "report.first_step_at", "When the first step of this attempt ended."),
    # Checkpoints
    _gauge("tandem_checkpoint_step", "steps", "report.checkpoint.step", "Step of the newest complete checkpoint."),
    _gauge("tandem_checkpoint_timestamp_seconds", "seconds", "report.checkpoint.at", "When the newest complete checkpoint was completed."),
    _gauge("tandem_checkpoint_bytes", "bytes", "report.checkpoint.bytes", "Size of what the newest complete checkpoint refers to."),
    _gauge(
        "tandem_checkpoint_blocked_seconds",
        "seconds",
        "report.checkpoint.blocked_seconds",
        "How long training stood still for the newest complete checkpoint.",
    ),
    _gauge(
        "tandem_checkpoint_save_seconds",
        "seconds",
        "report.checkpoint.save_seconds",
        "From the snapshot of the newest complete checkpoint to its manifest.",
    ),
    _counter(
        "tandem_checkpoint_failures_total",
        "checkpoints",
        "totals.checkpoint_failures",
        "Checkpoints that could not be saved, over all attempts.",
    ),
)

SERVICE_METRICS = (
    _own("tandem_telemetry_reports_total", Kind.COUNTER, "reports", "service.reports", "Reports taken in."),
    _own("tandem_telemetry_reports_refused_total", Kind.COUNTER, "reports", "service.refused", "Reports that could not be used."),
    _own("tandem_telemetry_reporters", Kind.GAUGE, "streams", "service.reporters", "Workers that have a stream of reports open."),
    _own("tandem_telemetry_watchers", Kind.GAUGE, "streams", "service.watchers", "Watch streams that are open."),
    _own("tandem_telemetry_runs", Kind.GAUGE, "runs", "service.runs", "Runs that are known and not yet forgotten."),
)

_RESUME_BUCKETS_S = (5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 1800, 3600)

OPERATOR_METRICS = (
    # Money and interruptions, of each run
    _operator("tandem_run_phase", Kind.GAUGE, "", "The phase of its life that the run is in, with the value 1.", *RUN_LABELS, "phase"),
    _operator("tandem_spent_usd_total", Kind.COUNTER, "usd", "Dollars spent on the run.", *RUN_LABELS),
    _operator("tandem_budget_usd", Kind.GAUGE, "usd", "Dollars that the run may spend; absent when it has no budget.", *RUN_LABELS),
    _operator(
        "tandem_lost_usd_total",
        Kind.COUNTER,
        "usd",
        "Dollars spent on steps that had to be done again, and while the run had fallen and made no step.",
        *RUN_LABELS,
    ),
    _operator(
        "tandem_lost_steps_total", Kind.COUNTER, "steps", "Steps that were done and not in the checkpoint resumed from.", *RUN_LABELS
    ),
    _operator("tandem_preemptions_total", Kind.COUNTER, "", "Attempts that ended because a machine was taken away.", *RUN_LABELS),
    _operator("tandem_failures_total", Kind.COUNTER, "", "Attempts that ended because a worker failed.", *RUN_LABELS),
    _operator(
        "tandem_time_to_resume_seconds",
        Kind.HISTOGRAM,
        "seconds",
        "From the first sign of the fall (the notice, where there was one) to the end of the next optimizer step.",
        buckets=_RESUME_BUCKETS_S,
    ),
    # The operator itself
    _operator("tandem_operator_runs", Kind.GAUGE, "runs", "Runs by the phase of their life.", "phase"),
    _operator("tandem_operator_leader", Kind.GAUGE, "", "Whether this replica holds the lease and acts, 1 or 0."),
    _operator("tandem_operator_queue_depth", Kind.GAUGE, "runs", "Runs that wait to be looked at."),
    _operator("tandem_operator_looks_total", Kind.COUNTER, "looks", "Looks at runs."),
    _operator("tandem_operator_look_errors_total", Kind.COUNTER, "looks", "Looks that failed, and are made again."),
    _operator("tandem_operator_writes_total", Kind.COUNTER, "writes", "Writes to the API server, by what was written.", "kind"),
    _operator("tandem_operator_api_errors_total", Kind.COUNTER, "answers", "Answers of the API server that were errors.", "code"),
    _operator(
        "tandem_operator_watch_age_seconds",
        Kind.GAUGE,
        "seconds",
        "Since the watch of a resource was last known to be alive.",
        "resource",
    ),
)

CATALOG = (*RUN_METRICS, *SERVICE_METRICS, *OPERATOR_METRICS)
