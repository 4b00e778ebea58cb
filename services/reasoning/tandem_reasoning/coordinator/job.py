"""What a coordinator is told of its run: a JSON document, made from the run's spec by whoever starts it."""

from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from tandem_reasoning.routing import draws
from tandem_reasoning.routing.decision import Policy
from tandem_reasoning.routing.policies.named import PolicyName, named
from tandem_reasoning.routing.thresholds import LEARNING
from tandem_reasoning.values import NANO_USD, Lane, LaneKind, Limits, Price

_MILLION = 1_000_000
_MOST_NANO = 2**63 - 1
Count = Annotated[int, Field(ge=1)]
Usd = Annotated[Decimal, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class ExpertJob(_Part):
    """A role that a model takes."""

    name: str
    role: str = ""


class LaneJob(_Part):
    """One way to get answers; several addresses serve the same model."""

    name: str
    kind: LaneKind
    urls: tuple[str, ...] = Field(min_length=1)
    model: str
    key_variable: str = ""
    key_file: str = ""
    usd_per_million_input_tokens: Usd = Decimal(0)
    usd_per_million_output_tokens: Usd = Decimal(0)
    usd_per_hour: Usd = Decimal(0)
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    max_in_flight: Count = 8

    @property
    def lane(self) -> Lane:
        """As the rooms know it."""
        price = Price(
            input_nano=_nano(self.usd_per_million_input_tokens / _MILLION),
            output_nano=_nano(self.usd_per_million_output_tokens / _MILLION),
            hour_nano=_nano(self.usd_per_hour),
        )
        limits = Limits(
            requests_per_minute=self.requests_per_minute, tokens_per_minute=self.tokens_per_minute, max_in_flight=self.max_in_flight
        )
        return Lane(name=self.name, kind=self.kind, urls=self.urls, model=self.model, price=price, limits=limits)


class ThinkingJob(_Part):
    """How a question is thought about."""

    max_steps: Count = 2
    adaptive: bool = True
    """Ask no more experts than it takes to settle the vote."""
    margin: Count = 2
    """Votes ahead that settle it, as long as it is not known how far answers to such questions scatter."""
    max_tokens: Count = 512
    """Of an answer."""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.8
    """Of experts' calls; a single call is made with 0."""
    call_seconds: Annotated[float, Field(gt=0)] = 120.0
    """Longest time for one call."""
    bare: bool = False
    """Nothing around the question: for models that follow no instructions."""


class RoutingJob(_Part):
    """Who is asked, and how many experts."""

    policy: PolicyName = PolicyName.CASCADE
    cloud_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Of questions for the cloud lane, under Random."""
    single: bool = False
    """One call in place of a vote, under Local."""
    warmup: Annotated[int, Field(ge=0)] = LEARNING.warmup
    """Questions that both lanes answer before anything is believed, under Knn, Cascade and Ensemble."""
    explore: Annotated[float, Field(ge=0, le=1)] = LEARNING.explore
    """Part of questions that both lanes answer afterwards, likewise."""

    @property
    def rule(self) -> Policy:
        """The policy itself."""
        learning = replace(LEARNING, warmup=self.warmup, explore=self.explore)
        return named(self.policy, cloud_share=self.cloud_share, single=self.single, learning=learning)


class Keeping(StrEnum):
    """What a run takes from the shared memory, and gives to it.

    Vouched: answers that a label or the experts' agreement vouches for, and no record that did more harm than good. All: everything,
    which is there to be compared with.
    """

    VOUCHED = "Vouched"
    ALL = "All"


class MemoryJob(_Part):
    """How the run recalls and remembers, where it has a shared memory."""

    top_k: Count = 1
    """Records that a step is shown; more mislead more often than they help."""
    keeping: Keeping = Keeping.VOUCHED
    hold_out: Annotated[float, Field(ge=0, lt=1)] = draws.HOLD_OUT
    """Of questions that are answered without what was found for them, so that the worth of it is known."""
    least_agreement: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of votes that vouches for an answer."""
    least_similarity: Annotated[float, Field(ge=-1, le=1)] = 0.25
    """Cosine to the question from which on it is shown how an answer was come by: of two philosophy questions with nothing in common,
    one pair in two hundred is as alike."""
    answer_similarity: Annotated[float, Field(ge=-1, le=1)] = 0.9
    """From which on the answer is shown, too: it is that of another question below. The memory's own embedding knows words and not
    meaning, and puts the same words about another subject at up to 0.86; one that knows meaning may be trusted further down."""
    wait_seconds: Annotated[float, Field(gt=0)] = 0.3
    """Longest wait for a search, which takes some milliseconds; a step goes on without it then."""
    stop_on_harm: bool = True
    """Ask the memory no more once it is known to do harm; false asks it again."""
    prune_seconds: Annotated[float, Field(gt=0)] | None = None
    """How often records that did harm are removed; never when left out."""


class OnExhausted(StrEnum):
    """What a run does at the end of its budget."""

    LOCAL_ONLY = "LocalOnly"
    SUSPEND = "Suspend"
    FAIL = "Fail"


class Job(_Part):
    """A run."""

    run_uid: str = Field(min_length=1)
    name: str = Field(min_length=1)
    lanes: tuple[LaneJob, ...] = Field(min_length=1)
    experts: tuple[ExpertJob, ...] = Field(min_length=1)
    thinking: ThinkingJob = ThinkingJob()
    routing: RoutingJob = RoutingJob()
    memory: MemoryJob = MemoryJob()
    budget_usd: Usd | None = None
    on_exhausted: OnExhausted = OnExhausted.LOCAL_ONLY
    ends_at: AwareDatetime | None = None
    """When the run must have ended; never when left out."""
    max_attempts: Count = 4
    """How often a question is tried before it has failed."""
    lease_seconds: Annotated[float, Field(gt=0)] = 60.0
    tries: Count = 4
    """How often a call is made on a lane that fails at it, before the question goes elsewhere."""
    probe: bool = True
    """Find out about each server before questions are handed out: some 20 to 80 short calls, paid like all others."""
    hedge: bool = True
    """Make a call again elsewhere that takes three times as long as usual."""

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        for field, names in (("lanes", [lane.name for lane in self.lanes]), ("experts", [expert.name for expert in self.experts])):
            if len(set(names)) < len(names):
                msg = f"{field}: {names} holds a name twice; give each one of its own"
                raise ValueError(msg)
        return self

    @property
    def cap_nano(self) -> int | None:
        """Most that may be spent, nano-dollars; no more than books can hold."""
        return None if self.budget_usd is None else min(_nano(self.budget_usd), _MOST_NANO)

    @property
    def stops_at_budget(self) -> bool:
        """Whether the run ends where its money does: it is to, or it has no local lane that costs nothing by the token to go on with.

        It ends rather than have the local lane answer what the cloud lane is to answer.
        """
        return self.on_exhausted is not OnExhausted.LOCAL_ONLY or not any(
            lane.kind is LaneKind.LOCAL and not lane.lane.price.by_token for lane in self.lanes
        )

    @property
    def paced_nano(self) -> int | None:
        """Dollars that the router makes last to the last question, nano-dollars; None where the run stops at its budget, or has none."""
        return None if self.stops_at_budget else self.cap_nano


def _nano(usd: Decimal) -> int:
    return int((usd * NANO_USD).to_integral_value())
