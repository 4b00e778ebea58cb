"""What a TrainingRun trains: exactly one of five trainers, each with the settings that are its own."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, StrictBool, StrictFloat, StrictInt

from .model import ApiModel
from .rule import Broken, rule
from .scalars import Address

AVAILABLE: Final = ("deepspeed", "script")
"""The trainers of this version."""

Size = Annotated[StrictInt, Field(ge=1, le=1_000_000)]
"""A dimension of a model or of a batch; bounded, so that products of three stay within 64 bits."""


class Precision(StrEnum):
    """The number format of weights and activations; the master copy and the moments are always fp32."""

    BF16 = "bf16"
    FP32 = "fp32"


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
    pretrained: Annotated[Address, Field(min_length=1, max_length=1024)] | None = None
    """Folder of a Hugging Face chat model that goes on learning, from conversations (data.source); replaces all of the above.

    Its weights are where training begins; its own tokenizer and chat template read the conversations.
    """

    @rule
    def width_splits_into_even_heads(self) -> Iterator[Broken]:
        """Rotary positions turn pairs of numbers, so that a head needs an even width."""
        if self.width % (2 * self.heads):
            sentence = (
                f"is not a multiple of twice the {self.heads} heads: choose a multiple of {2 * self.heads}, or another number of heads"
            )
            yield Broken(("width",), self.width, sentence)

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

    path: Address = Field(min_length=1, max_length=1024)
    """Python file; relative to the run file on one machine, absolute inside the image on a cluster."""
    args: tuple[Annotated[str, Field(max_length=4096)], ...] = Field(default=(), max_length=256)
    """Arguments passed to it. Never secrets: arguments are visible to everybody on the machine."""


class ExpertsSpec(ApiModel):
    """Constant-VRAM mixture of locally learning experts."""


class OffloadSpec(ApiModel):
    """Memory-planned training that fits a model into a stated VRAM limit."""


class LatticeSpec(ApiModel):
    """The 15 x 15 x 11 neural-cellular-automaton cube."""


class TrainerSpec(ApiModel):
    """Exactly one of these."""

    deepspeed: DeepSpeedSpec | None = None
    """Language-model training with DeepSpeed ZeRO."""
    experts: ExpertsSpec | None = None
    """Reserved: this version of Tandem refuses it."""
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
            found = "has none" if not self.chosen else f"has {len(self.chosen)}, {' and '.join(self.chosen)}"
            yield Broken((), self, f"{found}: give exactly one of {', '.join(AVAILABLE)}")

    @rule
    def available(self) -> Iterator[Broken]:
        """Three of the five are names that later versions will use."""
        for name in self.chosen:
            if name not in AVAILABLE:
                yield Broken((name,), getattr(self, name), f"is not available in this version: use {' or '.join(AVAILABLE)}")
