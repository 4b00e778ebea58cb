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
    made = [each for each in of_kind(monitoring, "ConfigMap") if "grafana_dashboard" in each["metadata"]["labels"]]
    found = {name: text for each in made for name, text in each["data"].items()}
    assert found == {file.name: file.read_text().rstrip("\n") for file in DASHBOARDS}
    assert DASHBOARDS
    assert all(each["metadata"]["labels"]["grafana_dashboard"] == "1" for each in made)


def test_every_alert_is_a_rule(monitoring: list[Document]) -> None:
    """The rules are those of the file, labels in braces included."""
    (rule,) = of_kind(monitoring, "PrometheusRule")
    assert rule["spec"] == yaml.safe_load((CHART / "alerts.yaml").read_text())


def test_monitors_find_what_serves_metrics(monitoring: list[Document]) -> None:
    """Services by their labels, the operator's pods by theirs, each at a port that it has, and a run keeps its own labels."""
    pod = named(monitoring, "Deployment", "tandem-operator")["spec"]["template"]
    services = {name: named(monitoring, "Service", name) for name in ("tandem-telemetry", "tandem-memory")}
    for kind, name, labels, ports, key in (
        *(("ServiceMonitor", name, each["metadata"]["labels"], each["spec"]["ports"], "endpoints") for name, each in services.items()),
        ("PodMonitor", "tandem-operator", pod["metadata"]["labels"], pod["spec"]["containers"][0]["ports"], "podMetricsEndpoints"),
    ):
        monitor = named(monitoring, kind, name)
        (endpoint,) = monitor["spec"][key]
        assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert endpoint["port"] in {port["name"] for port in ports}
        assert endpoint["honorLabels"]


def test_nothing_of_it_is_there_unasked(chart: Chart) -> None:
    """Clusters without the Prometheus operator do not know these kinds."""
    assert not of_kind(chart.template(), "ConfigMap", "ServiceMonitor", "PodMonitor", "PrometheusRule")
