"""DualRun, what people write: a question set, the lanes that answer it together, the experts they think with, a budget.

What each part is told of it is made in `plan/dual/job.py`.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt

from .answering import DualMemorySpec, RoutingPolicy, RoutingSpec, ThinkingSpec
from .dual_status import DualRunStatus
from .lane import Count, LaneKind, LaneSpec
from .model import ApiModel, Duration, RunMeta, duration_text
from .names import Name
from .placement import PlacementSpec
from .pod import PodSpec
from .rule import Broken, entry_rule, rule
from .scalars import Address
from .training_run import API_VERSION, NO_TIME
from .upkeep import LimitSpec, StoreSpec

FieldName = Annotated[str, Field(min_length=1, max_length=63)]
"""Name of a field in the lines of a question set."""


class OnDualExhausted(StrEnum):
    """What a run does at the end of its budget."""

    LOCAL_ONLY = "LocalOnly"
    SUSPEND = "Suspend"
    FAIL = "Fail"


class QuestionsSpec(ApiModel):
    """The questions: JSON lines, one question each."""

    source: Address
    """A path, file:// or s3:// address of a .jsonl file."""
    id_field: FieldName = "id"
    """Field that names a question, unique in the file."""
    question_field: FieldName = "question"
    """Field that holds its text."""
    answer_field: FieldName = "answer"
    """Field that holds the right answer, where there is one; used for scores only, never shown to a lane."""
    kind_field: FieldName = "kind"
    """Field that holds its class, where there is one; scores are also told by class."""
    limit: Count | None = None
    """Only so many questions, from the first on; all of them when left out."""


class ExpertSpec(ApiModel):
    """A role that a model takes while it thinks about a question."""

    name: Name
    """Name of the expert, unique in the run: lower-case letters, digits and dashes, at most 40, starting with a letter."""
    role: str = Field(min_length=1, max_length=4000)
    """What the model is told to do."""


EXPERTS: Final = (
    ExpertSpec(name="perception", role="Say what the question asks, which terms it uses, and what it takes for granted."),
    ExpertSpec(name="attention", role="Name the one point on which the answer turns, and set aside what does not matter."),
    ExpertSpec(name="memory", role="Bring in what is known about this and what was answered before; say what is missing."),
    ExpertSpec(name="reasoning", role="Reason step by step from what is given to an answer, and check each step."),
    ExpertSpec(name="creative", role="Look for an answer that others would not think of, and say why it might hold."),
    ExpertSpec(name="analytical", role="Take the question apart, judge each part by itself, and look for contradictions."),
    ExpertSpec(name="synthesis", role="Put the best of all points of view together into one answer."),
    ExpertSpec(name="meta-cognitive", role="Judge how sure the answer is, and what would change it."),
)


class DualCheckpointSpec(StoreSpec):
    """Where a snapshot of the run is kept, and how often one is taken."""

    every_questions: Count = 30
    """A snapshot after so many answered questions."""
    every_seconds: Count = 60
    """A snapshot after so many seconds, whichever comes first."""


class DualBudgetSpec(LimitSpec):
    """How many dollars the run may cost; a call is paid for before it is made, so that the limit holds."""

    on_exhausted: OnDualExhausted = OnDualExhausted.LOCAL_ONLY
    """At the limit go on with local lanes alone (LocalOnly), Suspend, or Fail.

    LocalOnly makes the money last: routing spends it where it gains most, and the report says for how many questions it did not reach.
    It ends like Suspend where no local lane is free by the token, or where a lane costs some by the hour and all is spent. Suspend and
    Fail answer no question by a local lane that the cloud lane was to answer.
    """


class DualRunSpec(ApiModel):
    """What is to be answered, by whom, and for how much."""

    questions: QuestionsSpec
    """The question set."""
    lanes: tuple[LaneSpec, ...] = Field(min_length=1, max_length=8)
    """The lanes that answer it together: at least one."""
    experts: tuple[ExpertSpec, ...] = Field(default=EXPERTS, min_length=1, max_length=32)
    """The roles in which each question is thought about."""
    max_steps: StrictInt = Field(default=2, ge=1, le=100)
    """Rounds of all experts over a question; each round sees the one before."""
    thinking: ThinkingSpec = ThinkingSpec()
    """How long and how freely they think."""
    routing: RoutingSpec = RoutingSpec()
    """Which lane is asked."""
    hedge: StrictBool = True
    """Make a call again elsewhere that takes three times as long as usual."""
    tries: StrictInt = Field(default=4, ge=1, le=100)
    """How often a call is made on a lane that fails at it, before the question goes elsewhere."""
    lease_seconds: StrictFloat = Field(default=60.0, ge=5, le=3600)
    """After so many seconds without a word of its worker a question is given to another; a worker at work says so in time."""
    workers: StrictInt = Field(default=2, ge=1, le=64)
    """Processes, or pods, that work on questions; each of them on several at once."""
    placement: PlacementSpec | None = None
    """Where the pods of coordinator, workers and engines may run; on any machine without taints when left out. Unused on one machine."""
    pod: PodSpec = PodSpec()
    """What the pods of coordinator, workers and engines get; cpu and memory are those of the first two. Unused on one machine."""
    memory: DualMemorySpec | None = None
    """The shared memory that lanes recall from and add to; none when left out."""
    budget: DualBudgetSpec = DualBudgetSpec()
    """Dollars."""
    checkpoint: DualCheckpointSpec = DualCheckpointSpec()
    """Where and how often a snapshot is taken."""
    suspend: StrictBool = False
    """Finish the calls in flight and stop; set back to false to go on."""
    deadline: Duration | None = None
    """Longest time from the start to the end, suspension included."""
    no_progress_after: Duration | None = None
    """Fail when no question is answered or given up for so long while the run is under way; it waits for ever when left out."""
    ttl_seconds_after_finished: Annotated[StrictInt, Field(ge=0, le=2**31 - 1)] | None = None
    """Seconds after its end when the run is removed. Never when left out."""

    @rule
    def names_are_unique(self) -> Iterator[Broken]:
        """Lanes and experts are found again by their names."""
        for field, names in (("lanes", [lane.name for lane in self.lanes]), ("experts", [expert.name for expert in self.experts])):
            for index, name in enumerate(names):
                if name in names[:index]:
                    sentence = f"is the name of {field}[{names.index(name)}] too: give each one of its own"
                    yield Broken((field, index, "name"), name, sentence)

    @rule
    def limited_lanes_have_a_price(self) -> Iterator[Broken]:
        """A limit in dollars holds only over calls whose price is known."""
        for index, lane in enumerate(self.lanes if self.budget.usd is not None else ()):
            if lane.kind is LaneKind.CLOUD and lane.price is None:
                yield Broken(("lanes", index), lane, "has no price, so that budget.usd cannot hold: add price")

    @rule
    def asks_for_nothing_of_training(self) -> Iterator[Broken]:
        """Parts wait for none of their like and keep no state of their own, so that some wishes of trainers have no meaning here."""
        placed, pod = self.placement or PlacementSpec(), self.pod
        wishes: dict[tuple[str, str], object] = {
            ("placement", "onDemandAfter"): None if placed.on_demand_after is None else duration_text(placed.on_demand_after),
            ("placement", "onePerNode"): placed.one_per_node,
            ("pod", "sharedMemory"): pod.shared_memory,
            ("pod", "queue"): pod.queue,
            ("pod", "graceSeconds"): pod.grace_seconds,
        }
        for field, value in wishes.items():
            if value:
                yield Broken(field, value, "has no meaning for a DualRun: leave it out")

    @rule
    def somebody_goes_on_locally(self) -> Iterator[Broken]:
        """LocalOnly needs a lane to go on with."""
        local = any(lane.kind is LaneKind.LOCAL for lane in self.lanes)
        if self.budget.usd is not None and self.budget.on_exhausted is OnDualExhausted.LOCAL_ONLY and not local:
            sentence = "needs a lane of kind Local: add one, or use Suspend or Fail"
            yield Broken(("budget", "onExhausted"), self.budget.on_exhausted, sentence)

    @entry_rule
    def routing_finds_its_lane(self) -> Iterator[Broken]:
        """A policy that asks one kind of lane alone would ask, and pay, one of the other kind."""
        kinds = {lane.kind.value for lane in self.lanes}
        if (policy := self.routing.policy) in {RoutingPolicy.LOCAL, RoutingPolicy.CLOUD} and policy.value not in kinds:
            yield Broken(("routing", "policy"), policy, f"needs a lane of kind {policy}: add one, or leave routing out")

    @entry_rule
    def has_time(self) -> Iterator[Broken]:
        """A run that may take no time would end before its first question."""
        if self.deadline is not None and not self.deadline:
            yield Broken(("deadline",), duration_text(self.deadline), NO_TIME)

    @entry_rule
    def has_time_for_progress(self) -> Iterator[Broken]:
        """Nothing is answered in no time."""
        if self.no_progress_after is not None and not self.no_progress_after:
            yield Broken(("noProgressAfter",), duration_text(self.no_progress_after), NO_TIME)


class DualRun(ApiModel):
    """A question set answered by several lanes in tandem: what is wanted (spec) and how it stands (status)."""

    api_version: Literal["tandem.dev/v1alpha1"] = API_VERSION
    """Version of this type."""
    kind: Literal["DualRun"] = "DualRun"
    """Name of this type."""
    metadata: RunMeta
    """Name, namespace, labels."""
    spec: DualRunSpec
    """What is wanted."""
    status: DualRunStatus = DualRunStatus()
    """How it stands; written by Tandem."""

    @property
    def name(self) -> str:
        """The run's name."""
        return self.metadata.name
