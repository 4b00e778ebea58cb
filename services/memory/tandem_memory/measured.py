"""The metrics of a record that mean something to Tandem: the one table that docs, reports and the seed's importer are made from.

A record may carry any figure under any name. An absent metric was not measured; nobody fills it in. Tandem does not measure
consciousness: the three names of the first shared memories (a pickle file that two training scripts wrote) are kept so that those
memories can be read, beside what is really measured in their place.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A figure of a record.

    Attributes:
        meaning: How it is come by.
        low: Least value; None where there is none.
        high: Largest value; None where there is none.
        claimed: Whether it only repeats what some writer said: it has no definition that could be checked.
    """

    meaning: str
    low: float | None = 0.0
    high: float | None = 1.0
    claimed: bool = False

    @property
    def range(self) -> str:
        """The range in words."""
        if self.high is None:
            return "any" if self.low is None else f"from {self.low:g}"
        return f"{self.low:g} to {self.high:g}"


METRICS: Mapping[str, Metric] = {
    "consciousness": Metric(
        meaning="A claim of whoever wrote it, without a definition. Tandem does not measure it; the nearest honest figure is "
        "how well agreement predicts correctness, which is one of a run, not of a record.",
        claimed=True,
    ),
    "integration": Metric(meaning="A claim of whoever wrote it; look at ensemble_gain instead.", claimed=True),
    "coherence": Metric(meaning="A claim of whoever wrote it; look at the field agreement and at semantic_entropy.", claimed=True),
    "semantic_entropy": Metric(
        meaning="-sum p log p / log K over the K experts' answers, alike ones counted together: 0 all agree, 1 all differ."
    ),
    "stability": Metric(meaning="Part of the experts whose answer did not change in the last step."),
    "embedding_coherence": Metric(
        meaning="Mean cosine between the experts' rationales, less that to rationales of other questions.", low=-2.0, high=2.0
    ),
    "ensemble_gain": Metric(
        meaning="Correctness of the vote less that of one greedy call for the same question; only where the right answer is known.",
        low=-1.0,
    ),
    "correct": Metric(meaning="1 when the answer was compared with the right one and is right, 0 when it is wrong."),
    "duration_seconds": Metric(meaning="From the question to the answer.", high=None),
    "calls": Metric(meaning="Calls of models for the answer, repeated ones included.", high=None),
    "experts": Metric(meaning="Experts that were asked.", high=None),
    "input_tokens": Metric(meaning="Tokens that were read, over all calls.", high=None),
    "output_tokens": Metric(meaning="Tokens that were written, over all calls.", high=None),
}

_HEAD = """# Metrics of a record

Generated from `tandem_memory.measured` and `tandem_memory.figures` by `poe metrics`; change it there. A record may carry any finite
figure under any name; these names mean something to Tandem. An absent metric was not measured: nobody fills it in.

**Tandem does not measure consciousness.** The names marked *claimed* come with memories of older scripts. They have no definition that
could be checked; Tandem keeps them as they were written, filters by them if asked to, and computes none of them.

| name | range | what it is |
|---|---|---|
"""


def document() -> str:
    """The table as Markdown."""
    rows = (f"| `{name}`{' *claimed*' if metric.claimed else ''} | {metric.range} | {metric.meaning} |" for name, metric in METRICS.items())
    return _HEAD + "\n".join(rows) + "\n"
