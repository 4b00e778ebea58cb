"""Monitoring: what is generated reaches the cluster unchanged, and what is scraped is what is served."""

import pytest
import yaml

from tests.charts.chart import CHART, MODES, Chart, Document, named, of_kind

DASHBOARDS = sorted((CHART / "dashboards").glob("*.json"))


@pytest.fixture
def monitoring(chart: Chart) -> list[Document]:
    return chart.template(*MODES["monitoring"])


def test_every_dashboard_is_a_config_map_that_grafana_finds(monitoring: list[Document]) -> None:
    """One for each file, letter by letter, though Grafana's own braces stand in it."""
    found = {name: text for each in of_kind(monitoring, "ConfigMap") for name, text in each["data"].items()}
    assert found == {file.name: file.read_text().rstrip("\n") for file in DASHBOARDS}
    assert DASHBOARDS
    assert all(each["metadata"]["labels"]["grafana_dashboard"] == "1" for each in of_kind(monitoring, "ConfigMap"))


def test_every_alert_is_a_rule(monitoring: list[Document]) -> None:
    """The rules are those of the file, labels in braces included."""
    (rule,) = of_kind(monitoring, "PrometheusRule")
    assert rule["spec"] == yaml.safe_load((CHART / "alerts.yaml").read_text())


def test_monitors_find_what_serves_metrics(monitoring: list[Document]) -> None:
    """The service by its labels, the operator's pods by theirs, each at a port that it has, and a run keeps its own labels."""
    service, pod = named(monitoring, "Service", "tandem-telemetry"), named(monitoring, "Deployment", "tandem-operator")["spec"]["template"]
    for kind, labels, ports, key in (
        ("ServiceMonitor", service["metadata"]["labels"], service["spec"]["ports"], "endpoints"),
        ("PodMonitor", pod["metadata"]["labels"], pod["spec"]["containers"][0]["ports"], "podMetricsEndpoints"),
    ):
        (monitor,) = of_kind(monitoring, kind)
        (endpoint,) = monitor["spec"][key]
        assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert endpoint["port"] in {port["name"] for port in ports}
        assert endpoint["honorLabels"]


def test_nothing_of_it_is_there_unasked(chart: Chart) -> None:
    """Clusters without the Prometheus operator do not know these kinds."""
    assert not of_kind(chart.template(), "ConfigMap", "ServiceMonitor", "PodMonitor", "PrometheusRule")
