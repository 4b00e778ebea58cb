"""What a TrainingRun trains: exactly one of five trainers, each with the settings that are its own."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, StrictBool, StrictFloat, StrictInt

from .credentials import KEEP_IN_SECRET, holds_key, holds_password, takes_key
from .model import ApiModel
from .quantity import Quantity
from .rule import Broken, entry_rule, rule
from .scalars import Address

AVAILABLE: Final = ("deepspeed", "experts", "script")
"""The trainers of this version."""

Size = Annotated[StrictInt, Field(ge=1, le=1_000_000)]
"""A dimension of a model or of a batch; bounded, so that products of three stay within 64 bits."""


class Precision(StrEnum):
    """The number format of weights and activations; the master copy and the moments are always fp32."""

    BF16 = "bf16"
    FP32 = "fp32"


def _uneven_heads(width: int, heads: int) -> Iterator[Broken]:
    if width % (2 * heads):
        sentence = f"is not a multiple of twice the {heads} heads: choose a multiple of {2 * heads}, or another number of heads"
        yield Broken(("width",), width, sentence)


class ModelSpec(ApiModel):
    """The model: Tandem's own small transformer by its sizes, a Hugging Face configuration by its name, or a model that has learned."""

    layers: Size = 4
    """Number of transformer blocks."""
    width: Size = 128
    """Width of the residual stream; a multiple of twice the number of heads."""
    heads: Size = 4
    """Number of attention heads."""
    hugging_face: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Name or path of a Hugging Face causal-LM configuration; replaces the sizes above."""
    pretrained: Address | None = None
    """Folder of a Hugging Face chat model that goes on learning, from conversations (data.source); replaces all of the above.

    Its weights are where training begins; its own tokenizer and chat template read the conversations.
    """

    @rule
    def width_splits_into_even_heads(self) -> Iterator[Broken]:
        """Rotary positions turn pairs of numbers, so that a head needs an even width."""
        yield from _uneven_heads(self.width, self.heads)

    @rule
    def begins_in_one_way(self) -> Iterator[Broken]:
        """Weights are made for a configuration, or they come with theirs."""
        if self.hugging_face is not None and self.pretrained is not None:
            sentence = "does not go with pretrained, which has a configuration of its own: leave one of the two out"
            yield Broken(("huggingFace",), self.hugging_face, sentence)


class OptimizerSpec(ApiModel):
    """AdamW, with the customary settings for language models."""

    beta1: StrictFloat = Field(default=0.9, ge=0, lt=1)
    """Decay of the first moment."""
    beta2: StrictFloat = Field(default=0.95, ge=0, lt=1)
    """Decay of the second moment."""
    epsilon: StrictFloat = Field(default=1e-8, gt=0)
    """Added to the denominator."""
    weight_decay: StrictFloat = Field(default=0.1, ge=0)
    """Decoupled weight decay, applied to matrices only."""


class DeepSpeedSpec(ApiModel):
    """Language-model training with DeepSpeed ZeRO, on any number of ranks."""

    zero_stage: StrictInt = Field(default=2, ge=1, le=3)
    """What is split over the ranks: 1 optimizer state, 2 gradients too, 3 weights too."""
    micro_batch_size: Size = 4
    """Sequences a rank takes through the model at once."""
    precision: Precision = Precision.BF16
    """bf16, or fp32 where bit-for-bit comparison with other world sizes matters."""
    model: ModelSpec = ModelSpec()
    """What is trained."""
    optimizer: OptimizerSpec = OptimizerSpec()
    """AdamW's settings."""
    gradient_clip: StrictFloat = Field(default=1.0, ge=0)
    """Largest global gradient norm; 0 switches clipping off."""
    activation_checkpointing: StrictBool = False
    """Recompute activations in the backward pass: less memory, about a third more work."""


class ScriptSpec(ApiModel):
    """A training program of your own, which imports `tandem_trainer.script` for checkpoints, resume and reports."""

    path: Address
    """Python file; relative to the run file on one machine, absolute inside the image on a cluster."""
    args: tuple[Annotated[str, Field(max_length=4096)], ...] = Field(default=(), max_length=256)
    """Arguments passed to it. Never secrets: arguments are visible to everybody on the machine."""

    @entry_rule
    def keeps_passwords_in_secrets(self) -> Iterator[Broken]:
        """Whoever may read the run, or list processes, may read arguments."""
        yield from (Broken(("args", index), None, KEEP_IN_SECRET) for index, word in enumerate(self.args) if holds_password(word))

    @entry_rule
    def keeps_keys_in_secrets(self) -> Iterator[Broken]:
        """Likewise."""
        yield from (Broken(("args", index), None, KEEP_IN_SECRET) for index, word in enumerate(self.args) if holds_key(word))

    @entry_rule
    def gives_no_key_as_an_option(self) -> Iterator[Broken]:
        """Likewise."""
        yield from (Broken(("args", index), None, KEEP_IN_SECRET) for index, word in enumerate(self.args) if takes_key(word))


class TrunkSpec(ApiModel):
    """What all tokens share below the experts: Tandem's own transformer, by its sizes."""

    layers: Size = 2
    """Number of transformer blocks."""
    width: Size = 128
    """Width of the stream, which experts read and write; a multiple of twice the number of heads."""
    heads: Size = 4
    """Number of attention heads."""

    @rule
    def width_splits_into_even_heads(self) -> Iterator[Broken]:
        """Rotary positions turn pairs of numbers, so that a head needs an even width."""
        yield from _uneven_heads(self.width, self.heads)


class LearningRule(StrEnum):
    """How experts learn from their own tokens; end_to_end is what they are measured against."""

    RESPONSIBILITY = "responsibility"
    HARD_EQUAL = "hard_equal"
    LOCAL_ADAM = "local_adam"
    HEBBIAN = "hebbian"
    OJA = "oja"
    END_TO_END = "end_to_end"


class MixtureSpec(ApiModel):
    """The experts: how many, how large, how they learn."""

    count: Size = 32
    """All experts; the device does not notice how many. Beyond 1,000 they are found by product keys."""
    active: StrictInt = Field(default=2, ge=1, le=16)
    """Experts that see each token; with one alone the router has nobody to compare it with, and learns nothing."""
    inner_width: Size = 256
    """Width inside an expert."""
    learning_rule: LearningRule = LearningRule.RESPONSIBILITY
    """How experts learn."""
    rate: StrictFloat | None = Field(default=None, gt=0, le=1_000_000)
    """Learning rate of experts, as a multiple of the phase's; left out, one that suits the rule."""
    clip: StrictFloat = Field(default=1.0, ge=0)
    """Largest norm of an expert's gradient; 0 switches clipping off."""
    temperature: StrictFloat = Field(default=1.0, gt=0)
    """How far apart answers must be, in nats, for the router to learn that only the better one explains the token."""
    balance: StrictFloat = Field(default=0.05, ge=0, le=1000)
    """How fast busy experts are handicapped, in router scores a step; 0 leaves load as it falls."""
    keys_from_tokens: StrictBool | None = None
    """Begin the router, at the very first step, at tokens that lie far apart instead of at random: experts part sooner."""
    renew_every: Size | None = None
    """Steps from one look for experts that broke, whose answers are no numbers, to the next: each is made anew from the busiest.

    Left out, they are asked no more.
    """

    @rule
    def asks_no_more_than_there_are(self) -> Iterator[Broken]:
        """A token goes to different experts."""
        if self.active > self.count:
            yield Broken(("active",), self.active, f"is more than the {self.count} experts there are: lower it, or raise count")


class ExpertMemorySpec(ApiModel):
    """Where experts are while they wait and while they compute."""

    streaming_slots: StrictInt = Field(default=3, ge=3, le=64)
    """Slots that experts pass through: one comes in, one computes, one goes out."""
    hot_slots: StrictInt = Field(default=0, ge=0, le=1024)
    """Slots whose experts stay on the device, and cost no copies."""
    experts_per_slot: StrictInt | None = Field(default=None, ge=1, le=1024)
    """Experts in a slot; small ones, of up to 32,768 numbers in a matrix, are worked on side by side.

    Left out, as many as have 65,536 numbers in a matrix together, 32 at most, and at least 1.
    """
    keep_activations: StrictBool = False
    """Keep on the device what experts computed until they learn from it: a product of six less, for the memory of two windows.

    Small ones (up to 32,768 numbers in a matrix) compute it again in any case.
    """
    host: Quantity | None = None
    """Host memory that experts and their checkpoints under way may take, such as 64Gi; all there is when left out."""
    disk: Quantity | None = None
    """Disk for experts that host memory cannot hold, and their checkpoints under way, such as 500Gi; in memory when left out.

    On a cluster an ephemeral volume of that size, or a claim of the run's that is mounted on /tandem/experts.
    """


class ExpertsSpec(ApiModel):
    """A language model of many experts that learn locally and pass through a few slots of the device: its memory stays the same."""

    model: TrunkSpec = TrunkSpec()
    """What all tokens share."""
    mixture: MixtureSpec = MixtureSpec()
    """The experts."""
    memory: ExpertMemorySpec = ExpertMemorySpec()
    """Where they are."""
    optimizer: OptimizerSpec = OptimizerSpec()
    """AdamW's settings, for what is shared."""
    gradient_clip: StrictFloat = Field(default=1.0, ge=0)
    """Largest gradient norm of what is shared; 0 switches clipping off."""
    activation_checkpointing: StrictBool = False
    """Recompute the activations of shared blocks in the backward pass: less memory, about a third more work."""


class OffloadSpec(ApiModel):
    """Memory-planned training that fits a model into a stated VRAM limit."""


class LatticeSpec(ApiModel):
    """The 15 x 15 x 11 neural-cellular-automaton cube."""


class TrainerSpec(ApiModel):
    """Exactly one of these."""

    deepspeed: DeepSpeedSpec | None = None
    """Language-model training with DeepSpeed ZeRO."""
    experts: ExpertsSpec | None = None
    """Many experts in the memory of a few."""
    offload: OffloadSpec | None = None
    """Reserved: this version of Tandem refuses it."""
    lattice: LatticeSpec | None = None
    """Reserved: this version of Tandem refuses it."""
    script: ScriptSpec | None = None
    """Your own program."""

    @property
    def kind(self) -> str:
        """The name of the one trainer that is set."""
        return self.chosen[0]

    @property
    def chosen(self) -> tuple[str, ...]:
        """The names of the trainers that are set: one, in a spec that keeps its rules."""
        return tuple(name for name in TrainerSpec.model_fields if getattr(self, name) is not None)

    @rule
    def exactly_one(self) -> Iterator[Broken]:
        """A run has one trainer."""
        if len(self.chosen) != 1:
            found = ", ".join((f"has {len(self.chosen)}", *self.chosen)) if self.chosen else "has none"
            yield Broken((), self, f"{found}: give exactly one of {', '.join(AVAILABLE)}")

    @rule
    def available(self) -> Iterator[Broken]:
        """Two of the five are names that later versions will use."""
        for name in self.chosen:
            if name not in AVAILABLE:
                yield Broken((name,), getattr(self, name), f"is not available in this version: use {' or '.join(AVAILABLE)}")
