"""The coordinator in figures, for Prometheus: read off the books when they are asked for."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from tandem.reasoning.v1.reasoning_pb2 import MemoryStatus, Status

from tandem_reasoning.values import NANO_USD


def registry_of(status: Callable[[], Status]) -> CollectorRegistry:
    """What a scrape reads of a run that stands as `status` says."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures(status))
    return registry


class Figures(Collector):
    """What a run's status says."""

    def __init__(self, status: Callable[[], Status]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """All of them."""
        status = self._status()
        questions = GaugeMetricFamily("tandem_questions", "Questions by state.", labels=["state"])
        left = status.total - status.done - status.failed - status.leased
        for state, count in (("ready", left), ("leased", status.leased), ("done", status.done), ("failed", status.failed)):
            questions.add_metric([state], count)
        yield questions
        yield from _money(status)
        yield from _lanes(status)
        if status.HasField("memory"):
            yield from _memory(status.memory)


def _money(status: Status) -> Iterator[Metric]:
    dollars = GaugeMetricFamily("tandem_budget_usd", "US dollars: allowed, spent, set aside, spent without a proof.", labels=["kind"])
    if status.HasField("cap_nano"):
        dollars.add_metric(["cap"], status.cap_nano / NANO_USD)
    dollars.add_metric(["spent"], status.spent_nano / NANO_USD)
    dollars.add_metric(["reserved"], status.reserved_nano / NANO_USD)
    dollars.add_metric(["unconfirmed"], status.unconfirmed_nano / NANO_USD)
    yield dollars


def _lanes(status: Status) -> Iterator[Metric]:
    calls = CounterMetricFamily("tandem_calls", "Calls that were answered and recorded.", labels=["lane"])
    throttled = CounterMetricFamily("tandem_calls_throttled", "Calls that a lane refused because they were too many.", labels=["lane"])
    tokens = CounterMetricFamily("tandem_tokens", "Tokens, as each lane counts them.", labels=["lane", "direction"])
    in_flight = GaugeMetricFamily("tandem_calls_in_flight", "Calls that are being made.", labels=["lane"])
    ready = GaugeMetricFamily("tandem_lane_ready", "Whether a lane can be asked: 1, else 0.", labels=["lane"])
    for lane in status.lanes:
        calls.add_metric([lane.name], lane.calls)
        throttled.add_metric([lane.name], lane.throttled)
        tokens.add_metric([lane.name, "input"], lane.input_tokens)
        tokens.add_metric([lane.name, "output"], lane.output_tokens)
        in_flight.add_metric([lane.name], lane.in_flight)
        ready.add_metric([lane.name], lane.state == "Ready")
    yield from (calls, throttled, tokens, in_flight, ready)


def _memory(memory: MemoryStatus) -> Iterator[Metric]:
    yield GaugeMetricFamily("tandem_memory_asked", "Whether the memory is asked and answers: 1, else 0.", value=memory.state == "Ready")
    yield GaugeMetricFamily("tandem_memory_untold", "Records and judgements that the memory has yet to be told.", value=memory.waiting)
    if memory.HasField("lift"):
        yield GaugeMetricFamily("tandem_memory_lift", "How much oftener answers are right with a record than without.", value=memory.lift)
