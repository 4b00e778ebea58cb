"""PromQL over the catalogue: a name that is not in it cannot be asked for, and a run is asked for as the dashboard's variables say.

Everything of a run is a maximum over its series: for some minutes after a pod was replaced Prometheus knows the run twice, and
an operator's replicas may overlap.
"""

from tandem_telemetry.catalog import CATALOG, RUN_LABELS, Kind, Metric

_ROWS = {metric.name: metric for metric in CATALOG}
_CHOSEN = 'namespace=~"$namespace", run=~"$run"'
OVER = "$__rate_interval"  # Grafana's: never shorter than four scrapes
WHOLE = "$__range"  # what the dashboard shows


def row(name: str) -> Metric:
    """The row of the catalogue."""
    return _ROWS[name]


def of_run(name: str, *more: str) -> str:
    """A figure of each run that was chosen, told apart by `more` labels, too."""
    labels = (*RUN_LABELS, *more)
    assert set(row(name).labels) >= set(labels), name
    return f"max by ({', '.join(labels)}) ({name}{{{_CHOSEN}}})"


def rate_of_run(name: str, over: str = OVER) -> str:
    """How fast a counter of each run that was chosen grows, a second."""
    assert row(name).kind is Kind.COUNTER, name
    return f"max by ({', '.join(RUN_LABELS)}) (rate({name}{{{_CHOSEN}}}[{over}]))"


def growth_of_run(name: str, over: str = WHOLE) -> str:
    """By how much a counter of each run that was chosen grew."""
    assert row(name).kind is Kind.COUNTER, name
    return f"max by ({', '.join(RUN_LABELS)}) (increase({name}{{{_CHOSEN}}}[{over}]))"


def ours(name: str, *by: str, over: str = OVER) -> str:
    """A figure of the services themselves, summed over their replicas; of a counter how fast it grows, a second."""
    assert set(row(name).labels) == set(by), name
    series = f"rate({name}[{over}])" if row(name).kind is Kind.COUNTER else name
    return f"sum by ({', '.join(by)}) ({series})" if by else f"sum({series})"


def worst(name: str, *by: str) -> str:
    """A figure of the services themselves, of the replica where it is highest."""
    assert set(row(name).labels) == set(by), name
    return f"max by ({', '.join(by)}) ({name})" if by else f"max({name})"


def quantile(share: float, histogram: str, over: str = WHOLE) -> str:
    """What that share of all observations was at most."""
    assert row(histogram).kind is Kind.HISTOGRAM, histogram
    return f"histogram_quantile({share}, sum by (le) (increase({histogram}_bucket[{over}])))"
