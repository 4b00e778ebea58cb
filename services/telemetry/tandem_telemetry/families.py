"""A row of the catalogue as Prometheus' client knows it, still without series."""

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from tandem_telemetry.catalog import Kind, Metric


def family_of(metric: Metric) -> CounterMetricFamily | GaugeMetricFamily:
    """The family of every kind but histograms."""
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    return kind(metric.name, metric.help, labels=metric.labels)


def histogram_of(metric: Metric) -> HistogramMetricFamily:
    """The family of a histogram."""
    return HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
