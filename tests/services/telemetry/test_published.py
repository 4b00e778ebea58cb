"""An operator's metrics, as Prometheus reads them from a real port."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from tandem_rpc import RpcSetupError
from tandem_telemetry.catalog import OPERATOR_METRICS, Kind
from tandem_telemetry.client import Figures, Published, serve_metrics
from tandem_telemetry.publication import registry_of

RESUME = "tandem_time_to_resume_seconds"
EVERYTHING: Figures = {
    metric.name: {tuple(f"some-{label}" for label in metric.labels): 1.0}
    for metric in OPERATOR_METRICS
    if metric.kind is not Kind.HISTOGRAM
}


@dataclass
class Operator:
    """One whose figures and health a test sets."""

    figures: Figures = field(default_factory=dict)
    ailment: str | None = None
    port: int = 0

    def get(self, path: str) -> str:
        with urlopen(f"http://127.0.0.1:{self.port}{path}") as answer:
            return answer.read().decode()

    def samples(self) -> Mapping[tuple[str, tuple[str, ...]], float]:
        """Values by name and the values of labels."""
        families = parse(self.get("/metrics"))
        return {(sample.name, tuple(sample.labels.values())): sample.value for family in families for sample in family.samples}


@pytest.fixture
def operator() -> Operator:
    return Operator()


@pytest.fixture
def published(operator: Operator) -> Iterator[Published]:
    made = Published(lambda: operator.figures)
    with serve_metrics("127.0.0.1:0", made, lambda: operator.ailment) as port:
        operator.port = port
        yield made


@pytest.mark.usefixtures("published")
def test_every_row_of_the_operators_part_is_served_and_nothing_else(operator: Operator) -> None:
    """By the names, labels and kinds of the catalogue, in both of Prometheus' formats."""
    operator.figures = EVERYTHING
    families = {family.name: family for family in parse(operator.get("/metrics"))}
    expected = {metric.name.removesuffix("_total"): metric for metric in OPERATOR_METRICS}
    assert {name: (family.type, family.documentation) for name, family in families.items()} == {
        name: (metric.kind, metric.help) for name, metric in expected.items()
    }
    for name, metric in expected.items():
        if metric.kind is not Kind.HISTOGRAM:
            assert [sample.labels for sample in families[name].samples] == [{label: f"some-{label}" for label in metric.labels}]
    openmetrics = generate_openmetrics(registry_of(Published(lambda: EVERYTHING))).decode()
    assert {family.name for family in parse_openmetrics(openmetrics)} == set(expected)


@pytest.mark.usefixtures("published")
def test_figures_are_those_of_the_moment(operator: Operator) -> None:
    """What is left out has no series, so a run that is gone is gone at the next scrape."""
    operator.figures = {"tandem_operator_runs": {("Running",): 2, ("Pending",): 0}, "tandem_spent_usd_total": {("team", "a"): 1.5}}
    assert operator.samples()["tandem_spent_usd_total", ("team", "a")] == 1.5
    operator.figures = {"tandem_operator_runs": {("Running",): 1}}
    shown = {key: value for key, value in operator.samples().items() if not key[0].startswith(RESUME)}
    assert shown == {("tandem_operator_runs", ("Running",)): 1}


def test_observations_fill_buckets(operator: Operator, published: Published) -> None:
    """Each bucket counts what is at most its bound; sum and count are of everything."""
    for seconds in (5, 5.1, 61, 4000):
        published.observe(RESUME, seconds)
    samples = operator.samples()
    counts = {bound: samples[f"{RESUME}_bucket", (bound,)] for bound in ("5.0", "10.0", "60.0", "90.0", "3600.0", "+Inf")}
    assert counts == {"5.0": 1, "10.0": 2, "60.0": 2, "90.0": 3, "3600.0": 3, "+Inf": 4}
    assert (samples[f"{RESUME}_count", ()], samples[f"{RESUME}_sum", ()]) == (4, pytest.approx(4071.1))


@given(st.lists(st.floats(0, 1e4)))
def test_no_observation_is_lost(values: list[float]) -> None:
    """Whatever is observed is in exactly one bucket, whose bounds hold it."""
    made = Published(dict)
    for value in values:
        made.observe(RESUME, value)
    (metric,) = (metric for metric in OPERATOR_METRICS if metric.name == RESUME)
    bounds = (float("-inf"), *metric.buckets, float("inf"))
    expected = [sum(low < value <= high for value in values) for low, high in itertools.pairwise(bounds)]
    assert list(made.observed(RESUME).counts) == expected


@pytest.mark.usefixtures("published")
def test_health_says_why(operator: Operator) -> None:
    """200 while all is well, else 503 with the reason in a line."""
    assert operator.get("/healthz") == "ok\n"
    operator.ailment = "pods were not watched for 90 s"
    with pytest.raises(HTTPError, match="503") as caught:
        operator.get("/healthz")
    assert caught.value.read() == b"pods were not watched for 90 s\n"


def test_what_is_not_in_the_catalogue_is_a_defect() -> None:
    """A name, a label too few, an unknown histogram: found by the first scrape of the first test, not on a dashboard."""
    for wrong in ({"tandem_nonsense": {(): 1.0}}, {"tandem_operator_runs": {(): 1.0}}, {RESUME: {(): 1.0}}):
        with pytest.raises(AssertionError):
            list(registry_of(Published(lambda w=wrong: w)).collect())
    with pytest.raises(KeyError):
        Published(dict).observe("tandem_operator_runs", 1)


def test_an_address_that_is_taken_is_named(operator: Operator, published: Published) -> None:
    """One line, as with the service."""
    taken = f"127.0.0.1:{operator.port}"
    with pytest.raises(RpcSetupError, match=f"{taken} cannot be bound"), serve_metrics(taken, published, lambda: None):
        pass
