"""The dashboard and the alerts, asked of a real Prometheus that scraped real telemetry and a real operator's port."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from tandem.telemetry.v1.telemetry_pb2 import Checkpoint, WorkerReport
from tandem_telemetry.catalog import CATALOG, OPERATOR_METRICS, Kind
from tandem_telemetry.client import Figures, Published, Reporter, serve_metrics
from tandem_telemetry.dashboards.alerts import ALERTS, written
from tandem_telemetry.dashboards.grafana import drawn
from tandem_telemetry.dashboards.panels import NOT_SHOWN, ROWS

from tests.parts.fixtures import needing, say
from tests.parts.prometheus_server import Prometheus, checked, obtained, serving

CHART = Path(__file__).parents[3] / "charts/tandem"
CHOSEN = {"$namespace": "team", "$run": "chosen", "$__rate_interval": "30s", "$__range": "1m"}
EXPRESSIONS = {f"{row.title}: {panel.title}: {query.legend}": query.expr for row in ROWS for panel in row.panels for query in panel.queries}
OF_A_RUN = {name: expr for name, expr in EXPRESSIONS.items() if "$run" in expr}


def substituted(expr: str) -> str:
    for variable, value in CHOSEN.items():
        expr = expr.replace(variable, value)
    return expr


def test_what_is_committed_is_fresh() -> None:
    """`poe dashboards` makes the committed files, byte for byte."""
    assert (CHART / "dashboards/tandem.json").read_text() == drawn()
    assert (CHART / "alerts.yaml").read_text() == written()


def test_every_metric_is_shown_or_said_not_to_be() -> None:
    """A new row of the catalogue is drawn, or there is a reason why not."""
    asked = {name for expr in EXPRESSIONS.values() for name in re.findall(r"tandem_[a-z0-9_]+", expr)}
    shown = {name.removesuffix("_bucket") for name in asked}
    assert shown | set(NOT_SHOWN) == {metric.name for metric in CATALOG}
    assert not shown & set(NOT_SHOWN)


def test_panels_lie_side_by_side() -> None:
    """No two cover the same place, none sticks out, and each has a number of its own."""
    panels = json.loads(drawn())["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        places = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not places & taken, panel["title"]
        assert max(x for x, _ in places) < 24
        taken |= places
    assert sorted(panel["id"] for panel in panels) == list(range(1, len(panels) + 1))


@pytest.fixture(scope="module")
def programs(request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """Prometheus and promtool."""
    with needing("prometheus", request.config):
        return obtained(lambda line: say(request.config, line))


@pytest.fixture(scope="module")
def reporting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A telemetry service to which two runs report, each interrupted over and over."""
    from tests.services.telemetry.conftest import Sink

    sink = Sink(tmp_path_factory.mktemp("sink")).start()
    reporter, stop = Reporter(sink.address, sink.token_file), threading.Event()

    def report() -> None:
        for number in range(1, 1_000_000):
            for run in ("chosen", "other"):
                reporter.report(reported(run, number))
            if stop.wait(0.1):
                return

    thread = threading.Thread(target=report)
    thread.start()
    yield sink
    stop.set()
    thread.join()
    reporter.close(0)
    sink.kill()


def reported(run: str, number: int) -> WorkerReport:
    """Everything there is to report. Every ten reports an attempt ends, and the next one goes on five steps before."""
    attempt, inside = divmod(number, 10)
    begun = attempt * 5
    report = WorkerReport(
        step=begun + inside,
        total_steps=1_000_000,
        resumed_from_step=begun,
        loss=2.0,
        learning_rate=0.1,
        gradient_norm=1.0,
        tokens=100 * (begun + inside),
        tokens_per_second=50.0,
        step_seconds=0.1,
        utilization=0.5,
        spikes=1,
        refused_updates=1,
        broken_experts=1,
        checkpoint_failures=1,
        device_memory_bytes=1 << 30,
        checkpoint=Checkpoint(step=begun, bytes=1 << 20, save_seconds=1.0, blocked_seconds=0.1),
    )
    report.source.namespace, report.source.run, report.source.attempt = "team", run, attempt + 1
    for at in (report.at, report.first_step_at, report.checkpoint.at):
        at.GetCurrentTime()
    return report


@pytest.fixture(scope="module")
def operating() -> Iterator[int]:
    """The port of an operator that has two runs and a lot to do."""
    began = time.monotonic()

    def figures() -> Figures:
        published.observe("tandem_time_to_resume_seconds", 12.0)
        return {metric.name: {labels: time.monotonic() - began for labels in _labels(metric.labels)} for metric in plain}

    plain = [metric for metric in OPERATOR_METRICS if metric.kind is not Kind.HISTOGRAM]
    published = Published(figures)
    with serve_metrics("127.0.0.1:0", published, lambda: None) as port:
        yield port


def _labels(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Values of labels: those of two runs where there is a run to name."""
    runs = ("chosen", "other") if "run" in names else ("",)
    return [tuple({"namespace": "team", "run": run, "phase": "Running"}.get(name, f"some {name}") for name in names) for run in runs]


@pytest.fixture(scope="module")
def prometheus(
    programs: tuple[Path, Path], reporting: Any, operating: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    targets = {"telemetry": json.loads(reporting.address_file.read_text())["metrics"], "operator": f"127.0.0.1:{operating}"}
    with serving(programs[0], tmp_path_factory.mktemp("prometheus") / "own", targets) as server:
        yield server


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_every_panel_shows_something(prometheus: Prometheus, eventually: Callable[..., None], name: str) -> None:
    """Its query is understood and gives numbers, of the run that was chosen and no other."""
    expr = substituted(EXPRESSIONS[name])
    eventually(lambda: prometheus.query(expr))
    if name in OF_A_RUN:
        found = [series.labels for series in prometheus.query(expr)]
        assert [(labels["namespace"], labels["run"]) for labels in found] == [("team", "chosen")]


def test_the_variables_offer_what_there_is(prometheus: Prometheus, eventually: Callable[..., None]) -> None:
    """Namespaces, and the runs of those that were chosen, whichever of the two services knows them."""
    offered = {each["name"]: each["query"] for each in json.loads(drawn())["templating"]["list"] if each["type"] == "query"}
    for name, expected in (("namespace", ["team"]), ("run", ["chosen", "other"])):
        selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", offered[name]).groups()  # type: ignore[union-attr]
        selector = substituted(selector)
        eventually(lambda series=selector, at=label, wanted=expected: prometheus.label_values(at, series) == wanted)


def test_metrics_are_as_prometheus_likes_them(programs: tuple[Path, Path], reporting: Any, operating: int) -> None:
    """`promtool check metrics` finds nothing wrong with what either service exposes."""
    checked(programs[1], "check", "metrics", text=reporting.get("/metrics"))
    with urlopen(f"http://127.0.0.1:{operating}/metrics") as answer:
        checked(programs[1], "check", "metrics", text=answer.read().decode())


RUN = 'namespace="n",run="r"'
PHASE = f'tandem_run_phase{{{RUN},phase="Running"}}'
REPORTED = f"tandem_last_report_timestamp_seconds{{{RUN}}}"
KEPT = f"tandem_checkpoint_timestamp_seconds{{{RUN}}}"
SPENT, BUDGET = f"tandem_spent_usd_total{{{RUN}}}", f"tandem_budget_usd{{{RUN}}}"
FAILURES, AGE = f"tandem_checkpoint_failures_total{{{RUN}}}", 'tandem_operator_watch_age_seconds{resource="pods"}'
BROKEN = f"tandem_broken_experts{{{RUN}}}"
LEADER = 'tandem_operator_leader{instance="a"}'
OTHER_LEADER = 'tandem_operator_leader{instance="b"}'
SILENT_SINCE_A_QUARTER = "0+60x15 900x300"  # the clock of these tests begins at 0, a sample is taken every minute
FORGOTTEN_AFTER_AN_HOUR = "0+60x15 900x60"  # telemetry has no series any more of a run that was silent for so long
WELL = {PHASE: "1x300", REPORTED: "0+60x300", KEPT: "0+60x300", SPENT: "0+0.01x300", BUDGET: "10x300", LEADER: "1x300"}


@pytest.mark.parametrize(
    ("alert", "changed", "minutes", "fires"),
    [
        *((alert.name, {}, 200, False) for alert in ALERTS),
        ("TandemRunStalled", {REPORTED: SILENT_SINCE_A_QUARTER}, 24, False),
        ("TandemRunStalled", {REPORTED: SILENT_SINCE_A_QUARTER}, 27, True),
        ("TandemRunStalled", {REPORTED: SILENT_SINCE_A_QUARTER, PHASE: "_x15 1x285"}, 24, False),
        ("TandemRunStalled", {REPORTED: SILENT_SINCE_A_QUARTER, PHASE: "_x15 1x285"}, 27, True),
        ("TandemRunStalled", {REPORTED: FORGOTTEN_AFTER_AN_HOUR}, 120, True),
        ("TandemRunStalled", {REPORTED: FORGOTTEN_AFTER_AN_HOUR, PHASE: "1x600"}, 500, False),
        ("TandemRunStalled", {REPORTED: "_x300"}, 20, False),
        ("TandemRunStalled", {REPORTED: "_x300"}, 200, False),
        ("TandemRunUnheard", {REPORTED: "_x300"}, 10, False),
        ("TandemRunUnheard", {REPORTED: "_x300"}, 12, True),
        ("TandemRunUnheard", {REPORTED: "_x300"}, 200, True),
        ("TandemRunUnheard", {REPORTED: "_x300", PHASE: "_x15 1x285"}, 24, False),
        ("TandemRunUnheard", {REPORTED: "_x13 780+60x285"}, 12, True),
        ("TandemRunUnheard", {REPORTED: "_x13 780+60x285"}, 13, False),
        ("TandemRunUnheard", {REPORTED: SILENT_SINCE_A_QUARTER}, 27, False),
        ("TandemRunUnheard", {REPORTED: FORGOTTEN_AFTER_AN_HOUR}, 120, False),
        ("TandemRunUnheard", {REPORTED: FORGOTTEN_AFTER_AN_HOUR, PHASE: "1x600"}, 500, True),
        ("TandemRunStalled", {REPORTED: SILENT_SINCE_A_QUARTER, PHASE: "1x15 _x285"}, 60, False),
        ("TandemCheckpointTooOld", {KEPT: SILENT_SINCE_A_QUARTER}, 74, False),
        ("TandemCheckpointTooOld", {KEPT: SILENT_SINCE_A_QUARTER}, 81, True),
        ("TandemCheckpointTooOld", {KEPT: "_x300"}, 66, True),
        ("TandemCheckpointTooOld", {KEPT: "_x300", REPORTED: "_x300"}, 66, False),
        ("TandemCheckpointsFail", {FAILURES: "0x9 1x300"}, 20, False),
        ("TandemCheckpointsFail", {FAILURES: "0x9 4x300"}, 20, True),
        ("TandemExpertsBroken", {BROKEN: "0x300"}, 20, False),
        ("TandemExpertsBroken", {BROKEN: "0x9 3x300"}, 20, True),
        ("TandemExpertsBroken", {BROKEN: "0x9 3x2 0x300"}, 20, False),
        ("TandemExpertsBroken", {BROKEN: "3x300", PHASE: "_x300", PHASE.replace("Running", "Succeeded"): "1x300"}, 20, False),
        ("TandemBudgetNearlyExhausted", {SPENT: "9.5x300"}, 20, True),
        ("TandemBudgetNearlyExhausted", {SPENT: "9.5x300", BUDGET: "_x300"}, 20, False),
        ("TandemBudgetNearlyExhausted", {SPENT: "9.5x300", PHASE: "_x300", PHASE.replace("Running", "Succeeded"): "1x300"}, 20, False),
        ("TandemOperatorNotWatching", {AGE: "110x300"}, 20, False),
        ("TandemOperatorNotWatching", {AGE: "0+60x3 60x300"}, 20, False),
        ("TandemOperatorNotWatching", {AGE: "0+60x300"}, 4, True),
        ("TandemOperatorAbsent", {LEADER: "0x300", OTHER_LEADER: "1x300"}, 20, False),
        ("TandemOperatorAbsent", {LEADER: "0x300", OTHER_LEADER: "0x300"}, 20, True),
        ("TandemOperatorAbsent", {LEADER: "_x300"}, 20, True),
    ],
)
def test_alerts_fire_when_they_should(
    programs: tuple[Path, Path], tmp_path: Path, alert: str, changed: dict[str, str], minutes: int, *, fires: bool
) -> None:
    """Prometheus' own evaluation of the committed file, over series that are written down."""
    rules = tmp_path / "rules.yml"
    rules.write_text(
        json.dumps(
            {
                "rule_files": [str(CHART / "alerts.yaml")],
                "evaluation_interval": "1m",
                "tests": [
                    {
                        "interval": "1m",
                        "input_series": [{"series": name, "values": values} for name, values in (WELL | changed).items()],
                        "promql_expr_test": [
                            {
                                "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})',
                                "eval_time": f"{minutes}m",
                                "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
                            }
                        ],
                    }
                ],
            }
        )
    )
    checked(programs[1], "check", "rules", CHART / "alerts.yaml")
    checked(programs[1], "test", "rules", rules)


def test_alerts_speak_of_the_run() -> None:
    """Whoever is woken reads which run it is, or which part of the operator, and where to look."""
    for alert in ALERTS:
        assert "$labels.run" in alert.summary or alert.name.startswith("TandemOperator")
        assert alert.description.endswith(".")
