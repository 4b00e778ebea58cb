"""TrainingRun, what people write: which trainer, on what, through which phases, kept how safe, for how many dollars."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from .model import ApiModel, Duration, RunMeta, duration_text
from .names import IMAGE, NO_IMAGE
from .phase import DataSpec, PhaseSpec
from .placement import Accelerator, PlacementSpec, Spot, Toleration
from .pod import PodSpec
from .rule import Broken, entry_rule, rule
from .shape import LONGEST_SHOWN
from .status import RunStatus
from .trainer import TrainerSpec
from .upkeep import (
    BackoffSpec,
    BudgetSpec,
    CheckpointSpec,
    MemoryReference,
    OnExhausted,
    RestartSpec,
    ServiceReference,
    SpikeAction,
    SpikesSpec,
)

__all__ = [
    "API_VERSION",
    "Accelerator",
    "BackoffSpec",
    "BudgetSpec",
    "CheckpointSpec",
    "DataSpec",
    "MemoryReference",
    "OnExhausted",
    "PhaseSpec",
    "PlacementSpec",
    "PodSpec",
    "RestartSpec",
    "RunMeta",
    "ServiceReference",
    "SpikeAction",
    "SpikesSpec",
    "Spot",
    "Toleration",
    "TrainerSpec",
    "TrainingRun",
    "TrainingRunSpec",
]

API_VERSION = "tandem.dev/v1alpha1"
NO_CONVERSATIONS = "holds no conversations, and a pretrained model learns from nothing else: name a .jsonl file, or leave pretrained out"
NO_TIME = "is no time at all: write a longer one or leave it out"
NOBODY_TO_LEARN = "holds conversations: name who is to learn from them in trainer.deepspeed.model.pretrained, or name a folder of text"
NO_SHARED_TOKENIZER = "tokens would mean something else in a later phase: use one tokenizer for all phases"
INSTEAD = "(data of a phase takes the place of spec.data as a whole)"
ONE_RANK = "trains on one rank: set workers 1 and processesPerWorker 1"


class TrainingRunSpec(ApiModel):
    """What is to be trained, on what, how safely and for how much."""

    trainer: TrainerSpec
    """Exactly one trainer."""
    image: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Container image of the workers; the chart's trainer image when left out. Unused on one machine."""
    workers: StrictInt = Field(default=1, ge=1, le=10_000)
    """Number of workers: pods on a cluster, process groups on one machine."""
    min_workers: Annotated[StrictInt, Field(ge=1, le=10_000)] | None = None
    """Fewest workers that are worth going on with where there is no room for all; the run grows again when there is.

    Unused on one machine.
    """
    gpus_per_worker: StrictInt = Field(default=0, ge=0, le=64)
    """Cards in a worker."""
    processes_per_worker: Annotated[StrictInt, Field(ge=1, le=1024)] | None = None
    """Ranks in a worker; one for each card, or one where there is none."""
    accelerator: Accelerator = Accelerator.NONE
    """Kind of card: none, nvidia or amd."""
    placement: PlacementSpec = PlacementSpec()
    """Where workers may run."""
    pod: PodSpec = PodSpec()
    """What every worker's pod gets. Unused on one machine."""
    data: DataSpec = DataSpec()
    """What is learned from, unless a phase says otherwise."""
    phases: tuple[PhaseSpec, ...] = Field(min_length=1, max_length=64)
    """The stretches of the run, in order: at least one."""
    checkpoint: CheckpointSpec = CheckpointSpec()
    """Where and how often state is kept."""
    budget: BudgetSpec = BudgetSpec()
    """Dollars."""
    restart: RestartSpec = RestartSpec()
    """What follows a failure."""
    spikes: SpikesSpec = SpikesSpec()
    """What follows a loss spike."""
    memory: MemoryReference | None = None
    """A shared memory service."""
    telemetry: ServiceReference | None = None
    """A telemetry service; Tandem's own when left out."""
    suspend: StrictBool = False
    """Checkpoint and stop; set back to false to go on."""
    deadline: Duration | None = None
    """Longest time from the first start to the end, waiting and suspension included."""
    ttl_seconds_after_finished: Annotated[StrictInt, Field(ge=0, le=2**31 - 1)] | None = None
    """Seconds after its end when the run is removed; its checkpoints stay. Never when left out."""

    @property
    def ranks_per_worker(self) -> int:
        """Training processes in a worker."""
        return self.processes_per_worker or max(1, self.gpus_per_worker)

    @property
    def total_steps(self) -> int:
        """Length of the run in optimizer steps."""
        return sum(phase.total_steps for phase in self.phases)

    @rule
    def shrinks_from_more_to_fewer(self) -> Iterator[Broken]:
        """The smallest size is a size."""
        if self.min_workers is not None and self.min_workers > self.workers:
            yield Broken(("minWorkers",), self.min_workers, f"is more than workers {self.workers}: lower it or leave it out")

    @rule
    def queues_whole(self) -> Iterator[Broken]:
        """A queue admits all workers of an attempt or none, and the pods that look for room to grow would pass it by."""
        if self.min_workers is not None and self.pod.queue is not None:
            yield Broken(("minWorkers",), self.min_workers, f"does not go with pod.queue {self.pod.queue}: leave one of the two out")

    @rule
    def cards_have_a_kind(self) -> Iterator[Broken]:
        """A number of cards and their kind are given together or not at all."""
        if (self.accelerator is Accelerator.NONE) == (self.gpus_per_worker > 0):
            sentence = f"does not go with accelerator {self.accelerator}: set both or neither"
            yield Broken(("gpusPerWorker",), self.gpus_per_worker, sentence)

    @rule
    def ranks_have_a_card(self) -> Iterator[Broken]:
        """NCCL and RCCL refuse two ranks on one card."""
        if 0 < self.gpus_per_worker < self.ranks_per_worker:
            sentence = f"is more than the {self.gpus_per_worker} cards of a worker: lower it or leave it out"
            yield Broken(("processesPerWorker",), self.processes_per_worker, sentence)

    @rule
    def phases_have_names_of_their_own(self) -> Iterator[Broken]:
        """A phase is found again by its name."""
        names = [phase.name for phase in self.phases]
        for index, name in enumerate(names):
            if name in names[:index]:
                yield Broken(("phases", index, "name"), name, f"is the name of phases[{names.index(name)}] too: give each one of its own")

    @rule
    def batches_split_evenly(self) -> Iterator[Broken]:
        """Every rank takes the same number of sequences, in whole micro-batches."""
        if self.trainer.deepspeed is None:
            return
        ranks = self.workers * self.ranks_per_worker
        at_once = ranks * self.trainer.deepspeed.micro_batch_size
        for index, phase in enumerate(self.phases):
            if phase.batch_size % at_once:
                taken = f"{at_once} sequences that {ranks} rank{'s take' if ranks > 1 else ' takes'} at once"
                sentence = f"is not a multiple of the {taken}: change batchSize, workers or microBatchSize"
                yield Broken(("phases", index, "batchSize"), phase.batch_size, sentence)

    @rule
    def experts_are_not_shared(self) -> Iterator[Broken]:
        """Each rank would have experts of its own."""
        ranks = self.workers * self.ranks_per_worker
        if self.trainer.experts is not None and ranks > 1:
            yield Broken(("trainer", "experts"), self.trainer.experts, f"{ONE_RANK} (here are {ranks})")

    @rule
    def conversations_have_a_pupil(self) -> Iterator[Broken]:
        """Tokens of a conversation mean something only to the model whose tokenizer made them."""
        if self.trainer.deepspeed is None:
            return
        pretrained = self.trainer.deepspeed.model.pretrained is not None
        sources = [(("phases", index, "data", "source"), phase.data) for index, phase in enumerate(self.phases) if phase.data]
        shared = [(("data", "source"), self.data)] if len(sources) < len(self.phases) else []
        for field, data in [*shared, *sources]:
            if data.holds_conversations != pretrained:
                yield Broken(field, data.source, NO_CONVERSATIONS if pretrained else NOBODY_TO_LEARN)

    @entry_rule
    def phases_share_a_tokenizer(self) -> Iterator[Broken]:
        """A model learns what the tokens of one tokenizer mean. Conversations have the pupil's own, and a script may do as it likes."""
        trained = self.trainer.deepspeed
        if self.trainer.experts is None and (trained is None or trained.model.pretrained is not None):
            return
        first = (self.phases[0].data or self.data).tokenizer
        fields = [(("phases", index, "data", "tokenizer"), phase.data) for index, phase in enumerate(self.phases) if phase.data]
        shared = [(("data", "tokenizer"), self.data)] if len(fields) < len(self.phases) else []
        for field, data in [*shared, *fields]:
            if data.tokenizer != first:
                theirs = f'"{first[:LONGEST_SHOWN]}{"…" if len(first) > LONGEST_SHOWN else ""}", that of phase {self.phases[0].name}'
                yield Broken(field, data.tokenizer, f"is not {theirs}: {NO_SHARED_TOKENIZER} {INSTEAD}")

    @entry_rule
    def has_time(self) -> Iterator[Broken]:
        """A run that may take no time would end before its first step."""
        if self.deadline is not None and not self.deadline:
            yield Broken(("deadline",), duration_text(self.deadline), NO_TIME)

    @entry_rule
    def names_an_image(self) -> Iterator[Broken]:
        """No kubelet could pull it, and pods would wait for ever."""
        if self.image and not re.fullmatch(IMAGE, self.image):
            yield Broken(("image",), self.image, NO_IMAGE)


class TrainingRun(ApiModel):
    """A training run: what is wanted (spec) and how it stands (status)."""

    api_version: Literal["tandem.dev/v1alpha1"] = API_VERSION
    """Version of this type."""
    kind: Literal["TrainingRun"] = "TrainingRun"
    """Name of this type."""
    metadata: RunMeta
    """Name, namespace, labels."""
    spec: TrainingRunSpec
    """What is wanted."""
    status: RunStatus = RunStatus()
    """How it stands; written by Tandem."""

    @property
    def name(self) -> str:
        """The run's name."""
        return self.metadata.name
