"""What is worth waking a person for, as a file of Prometheus rules; the chart puts it into a PrometheusRule where asked to.

Each alert says what is wrong and what to look at. Thresholds are those of a run whose checkpoints cost little and whose machines
cost much; who disagrees silences ours and writes their own over the same metrics.
"""

from dataclasses import dataclass

import yaml

from tandem_telemetry.catalog import RUN_LABELS
from tandem_telemetry.dashboards.queries import row

_SILENT_S = 600
_UNSAFE_S = 3600
_REMEMBERED = "6h:5m"  # telemetry forgets a silent run after an hour; a sample is good for five minutes, so none falls between two
_NEARLY = 0.9
_RUNNING = '{phase="Running"}'
_UNWATCHED_S = 120  # bookmarks come about once a minute, and a stream without them is given up before this


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A rule. `lasting` is how long it must hold; `summary` and `description` are Prometheus' templates."""

    name: str
    expr: str
    lasting: str
    severity: str
    summary: str
    description: str


def _of_run(name: str, selector: str = "") -> str:
    """A figure of each run, once, however often it was scraped."""
    assert set(row(name).labels) >= set(RUN_LABELS), name
    return f"max by ({', '.join(RUN_LABELS)}) ({name}{selector})"


def _running_for(seconds: int) -> str:
    """Runs that are Running, and were so that long ago."""
    running = _of_run("tandem_run_phase", _RUNNING)
    before = _of_run("tandem_run_phase", f"{_RUNNING} offset {seconds}s")
    return f"({running} and {before})"


_REPORTED = _of_run("tandem_last_report_timestamp_seconds")
_HEARD = f"({_REPORTED} or max_over_time({_REPORTED}[{_REMEMBERED}]))"
"""Runs that our telemetry has heard now or lately. One with a `spec.telemetry` of its own is never heard here, however well it is."""


def _unless_fresh(name: str, seconds: int) -> str:
    """All but the runs of which this time stamp is younger than that."""
    return f"unless on ({', '.join(RUN_LABELS)}) (time() - {_of_run(name)} < {seconds})"


_UNFINISHED = _of_run("tandem_run_phase", '{phase!~"Succeeded|Failed"}')
_THE_RUN = "Run {{ $labels.namespace }}/{{ $labels.run }}"

ALERTS = (
    Alert(
        name="TandemRunStalled",
        expr=f"({_running_for(_SILENT_S)} and {_HEARD}) {_unless_fresh('tandem_last_report_timestamp_seconds', _SILENT_S)}",
        lasting="1m",
        severity="critical",
        summary=f"{_THE_RUN} is Running and silent.",
        description="No worker has reported for 10 minutes, and its machines are paid for. See `tandem logs` and the pods' events.",
    ),
    Alert(
        name="TandemRunUnheard",
        expr=f"{_running_for(_SILENT_S)} unless {_HEARD}",
        lasting="1m",
        severity="warning",
        summary=f"{_THE_RUN} is Running, and telemetry has never heard of it, or not for hours.",
        description="Nobody here can tell whether it goes on. Where it reports to a telemetry of its own (spec.telemetry), silence this. "
        "Else see whether its workers reach telemetry: `tandem logs`, network policies, the pods of telemetry and their scraping.",
    ),
    Alert(
        name="TandemCheckpointTooOld",
        expr=f"({_running_for(_UNSAFE_S)} and {_HEARD}) {_unless_fresh('tandem_checkpoint_timestamp_seconds', _UNSAFE_S)}",
        lasting="5m",
        severity="warning",
        summary=f"{_THE_RUN} has made no checkpoint for an hour.",
        description="A machine that vanishes now costs all steps since. See checkpoint failures, and spec.checkpoint.",
    ),
    Alert(
        name="TandemCheckpointsFail",
        expr=f"max by (namespace, run) (increase({row('tandem_checkpoint_failures_total').name}[30m])) > 2",
        lasting="1m",
        severity="warning",
        summary=f"{_THE_RUN} cannot save its checkpoints.",
        description="Several could not be saved within half an hour. The worker's log says why: the store, its credentials, its room.",
    ),
    Alert(
        name="TandemExpertsBroken",
        expr=f"{_of_run('tandem_broken_experts')} > 0 and on (namespace, run) {_UNFINISHED}",
        lasting="1m",
        severity="warning",
        summary=f"{_THE_RUN} has {{{{ $value }}}} experts that answer no numbers.",
        description="No token is sent to them, and the others learn on in their place. The worker's log names them. Lower mixture.rate or "
        "the phase's learningRate, or have them made anew (mixture.renewEvery).",
    ),
    Alert(
        name="TandemBudgetNearlyExhausted",
        expr=f"{_of_run('tandem_spent_usd_total')} / {_of_run('tandem_budget_usd')} > {_NEARLY} and on (namespace, run) {_UNFINISHED}",
        lasting="1m",
        severity="warning",
        summary=f"{_THE_RUN} has spent {{{{ $value | humanizePercentage }}}} of its budget.",
        description="It is stopped, with a checkpoint, before it would spend more. Raise spec.budget.usd if it is to go on.",
    ),
    Alert(
        name="TandemOperatorNotWatching",
        expr=f"max by (resource) ({row('tandem_operator_watch_age_seconds').name}) > {_UNWATCHED_S}",
        lasting="1m",
        severity="critical",
        summary="The operator hears nothing of {{ $labels.resource }}.",
        description="Notices and lost machines go unseen. See the operator's log and the API server.",
    ),
    Alert(
        name="TandemOperatorAbsent",
        expr=f"absent({row('tandem_operator_leader').name} == 1)",
        lasting="5m",
        severity="critical",
        summary="No replica of the operator acts.",
        description="Runs go on, but nothing is started, stopped or accounted for. See the operator's pods and its Lease.",
    ),
)


def written() -> str:
    """The file of rules, as YAML."""
    rules = [_rule(alert) for alert in ALERTS]
    head = "# Generated from services/telemetry/tandem_telemetry/dashboards/alerts.py by `poe dashboards`; change it there.\n"
    return head + yaml.safe_dump({"groups": [{"name": "tandem", "rules": rules}]}, sort_keys=False, width=130)


def _rule(alert: Alert) -> dict[str, object]:
    return {
        "alert": alert.name,
        "expr": alert.expr,
        "for": alert.lasting,
        "labels": {"severity": alert.severity},
        "annotations": {"summary": alert.summary, "description": alert.description},
    }
