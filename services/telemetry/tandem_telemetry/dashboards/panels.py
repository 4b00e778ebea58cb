"""What the dashboard shows, as values: rows of panels, each panel a question a person has at night. `grafana` draws them."""

from dataclasses import dataclass, field
from enum import StrEnum

from tandem_telemetry.dashboards.queries import growth_of_run, of_run, ours, quantile, rate_of_run, row, worst

_RUN = "{{namespace}}/{{run}}"
_UNITS = {
    "": "short",
    "bytes": "bytes",
    "ratio": "percentunit",
    "seconds": "s",
    "usd": "currencyUSD",
}


class Kind(StrEnum):
    """How a panel is drawn."""

    OVER_TIME = "lines"
    NOW = "the newest value"
    NAMES = "the names of the series alone"


@dataclass(frozen=True, slots=True)
class Query:
    """A question to Prometheus, and what its series are called."""

    expr: str
    legend: str = _RUN


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture. `unit` is one of Grafana's; `description` is what the mark in the corner says."""

    title: str
    queries: tuple[Query, ...]
    unit: str
    description: str
    kind: Kind = Kind.OVER_TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...] = field(default=())


def _shown(title: str, name: str, kind: Kind = Kind.OVER_TIME) -> Panel:
    """A figure of each run, as the catalogue has it."""
    return _said(title, (Query(of_run(name)),), name, kind)


def _said(title: str, queries: tuple[Query, ...], name: str, kind: Kind = Kind.OVER_TIME) -> Panel:
    """A panel with unit and description of a row of the catalogue."""
    metric = row(name)
    return Panel(title=title, queries=queries, unit=_UNITS.get(metric.unit, "short"), description=metric.help, kind=kind)


def _made(title: str, expr: str, unit: str, description: str, *, legend: str = _RUN, kind: Kind = Kind.OVER_TIME) -> Panel:
    """A panel of something that is reckoned."""
    return Panel(title=title, queries=(Query(expr, legend),), unit=unit, description=description, kind=kind)


_STEP, _TOTAL = of_run("tandem_step"), of_run("tandem_total_steps")
_SPENT, _BUDGET = of_run("tandem_spent_usd_total"), of_run("tandem_budget_usd")
_RESUME = "tandem_time_to_resume_seconds"

PROGRESS = Row(
    title="Progress",
    panels=(
        _said("Phase", (Query(of_run("tandem_run_phase", "phase"), f"{_RUN} {{{{phase}}}}"),), "tandem_run_phase", Kind.NAMES),
        _made("Done", f"{_STEP} / {_TOTAL}", "percentunit", "Steps done over steps that the whole run takes.", kind=Kind.NOW),
        _made("Time left", f"({_TOTAL} - {_STEP}) * {of_run('tandem_step_seconds')}", "s", "At the speed of the last step.", kind=Kind.NOW),
        _made(
            "Silent for",
            f"time() - {of_run('tandem_last_report_timestamp_seconds')}",
            "s",
            "Since the newest report was made. A run that is Running and silent for minutes has a problem.",
            kind=Kind.NOW,
        ),
        _said("Step", (Query(_STEP), Query(_TOTAL, f"{_RUN} in all")), "tandem_step"),
        _shown("Loss", "tandem_loss"),
        _shown("Tokens a second", "tandem_tokens_per_second"),
        _shown("Utilization", "tandem_utilization_ratio"),
        _shown("Step time", "tandem_step_seconds"),
        _shown("Learning rate", "tandem_learning_rate"),
        _shown("Gradient norm", "tandem_gradient_norm"),
        _shown("Loss spikes", "tandem_spikes_total"),
        _shown("Broken experts", "tandem_broken_experts"),
        _shown("Updates left out", "tandem_refused_updates_total"),
        _shown("Device memory", "tandem_device_memory_bytes"),
    ),
)

MONEY = Row(
    title="Money",
    panels=(
        _said("Spent against budget", (Query(_SPENT, f"{_RUN} spent"), Query(_BUDGET, f"{_RUN} budget")), "tandem_spent_usd_total"),
        _made("Budget used", f"{_SPENT} / {_BUDGET}", "percentunit", "A run is stopped, with a checkpoint, before it reaches 100 %."),
        _made("Dollars an hour", f"{rate_of_run('tandem_spent_usd_total')} * 3600", "currencyUSD", "How fast the run spends now."),
        _shown("Lost dollars", "tandem_lost_usd_total"),
        _made(
            "Dollars a million tokens",
            f"{_SPENT} / ({of_run('tandem_tokens_total')} / 1e6)",
            "currencyUSD",
            "All that was spent, over all that was learned from; tokens done again count once.",
        ),
    ),
)

INTERRUPTIONS = Row(
    title="Interruptions",
    panels=(
        _shown("Preemptions", "tandem_preemptions_total"),
        _shown("Failures", "tandem_failures_total"),
        _shown("Attempt", "tandem_attempt"),
        _shown("Lost steps", "tandem_lost_steps_total"),
        _made(
            "Steps done again",
            f"{growth_of_run('tandem_lost_steps_total')} / {growth_of_run('tandem_steps_done_total')}",
            "percentunit",
            "Lost steps over all steps that were carried out.",
        ),
        _said(
            "Time to resume, all runs",
            tuple(Query(quantile(share, _RESUME), f"{share:.0%} of resumes") for share in (0.5, 0.9, 0.99)),
            _RESUME,
        ),
        _shown("Newest resume", "tandem_resume_seconds"),
    ),
)

CHECKPOINTS = Row(
    title="Checkpoints",
    panels=(
        _made(
            "Age",
            f"time() - {of_run('tandem_checkpoint_timestamp_seconds')}",
            "s",
            "Since the newest complete checkpoint: what a power cut would cost now.",
        ),
        _made(
            "Steps not yet safe", f"{_STEP} - {of_run('tandem_checkpoint_step')}", "short", "Steps beyond the newest complete checkpoint."
        ),
        _shown("Size", "tandem_checkpoint_bytes"),
        _shown("Save time", "tandem_checkpoint_save_seconds"),
        _shown("Training held up", "tandem_checkpoint_blocked_seconds"),
        _shown("Failures", "tandem_checkpoint_failures_total"),
    ),
)


def _by(title: str, name: str, label: str, unit: str) -> Panel:
    return _made(title, ours(name, label), unit, row(name).help, legend=f"{{{{{label}}}}}")


OPERATOR = Row(
    title="Operator and telemetry",
    panels=(
        _by("Runs by phase", "tandem_operator_runs", "phase", "short"),
        _made("Replicas that act", ours("tandem_operator_leader"), "short", "One, or for a moment none; never two.", legend="leaders"),
        _made("Runs that wait", worst("tandem_operator_queue_depth"), "short", row("tandem_operator_queue_depth").help, legend="queue"),
        Panel(
            title="Looks",
            queries=(
                Query(ours("tandem_operator_looks_total"), "looks"),
                Query(ours("tandem_operator_look_errors_total"), "that failed"),
            ),
            unit="ops",
            description=row("tandem_operator_looks_total").help,
        ),
        _by("Writes", "tandem_operator_writes_total", "kind", "ops"),
        _by("API errors", "tandem_operator_api_errors_total", "code", "ops"),
        _made(
            "Watches",
            worst("tandem_operator_watch_age_seconds", "resource"),
            "s",
            row("tandem_operator_watch_age_seconds").help,
            legend="{{resource}}",
        ),
        Panel(
            title="Reports",
            queries=(
                Query(ours("tandem_telemetry_reports_total"), "taken in"),
                Query(ours("tandem_telemetry_reports_refused_total"), "refused"),
            ),
            unit="reqps",
            description=row("tandem_telemetry_reports_total").help,
        ),
        Panel(
            title="Streams",
            queries=(
                Query(ours("tandem_telemetry_reporters"), "reporters"),
                Query(ours("tandem_telemetry_watchers"), "watchers"),
                Query(ours("tandem_telemetry_runs"), "runs known"),
            ),
            unit="short",
            description="Workers that report, shells that watch, and the runs they speak of.",
        ),
    ),
)

ROWS = (PROGRESS, MONEY, INTERRUPTIONS, CHECKPOINTS, OPERATOR)
NOT_SHOWN = {
    "tandem_run_info": "says what a run is; for joins",
    "tandem_resumed_from_step": "stands in the status of the run",
    "tandem_first_step_timestamp_seconds": "is what tandem_resume_seconds is reckoned from",
}
"""Rows of the catalogue that no panel asks for, and why."""
