"""What is learned from, and the stretches of a run: how long each is and what changes in it."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StrictFloat, StrictInt

from .model import ApiModel
from .names import PhaseName
from .rule import Broken, rule
from .scalars import Address
from .trainer import Size

Steps = Annotated[StrictInt, Field(ge=1, le=1_000_000_000)]
"""A number of optimizer steps."""

Tokens = Annotated[StrictInt, Field(ge=1, le=1_000_000_000_000_000)]
"""A number of tokens; a thousand trillions is more text than there is."""


class DataSpec(ApiModel):
    """What is learned from, text or conversations; turned into tokens once, before the first step."""

    source: Address = "python-stdlib"
    """`python-stdlib` (the standard library of the Python at hand), a folder of text, a file of text, or one of conversations.

    A path or a file:// address. Conversations, for a pretrained model, stand in a .jsonl or .jsonl.gz file, one to a line:
    {"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}. The last answer is what is learned.
    """
    include: tuple[Annotated[str, Field(min_length=1, max_length=256)], ...] = Field(default=("*.py",), min_length=1, max_length=64)
    """Which files of a folder, as shell patterns on their names; unused for conversations, as are the next two."""
    tokenizer: Address = "bytes"
    """`bytes` (one token a byte, nothing to download) or the path of a Hugging Face tokenizer.json."""
    fill_in_the_middle: StrictFloat = Field(default=0.5, ge=0, le=1)
    """Share of the samples that are rearranged as prefix, suffix, middle."""
    seed: StrictInt = Field(default=0, ge=0, le=2**53 - 1)
    """Seed of the order of samples; the same seed gives the same order on any number of ranks."""

    @property
    def holds_conversations(self) -> bool:
        """Whether the source is a file of conversations."""
        return self.source.endswith((".jsonl", ".jsonl.gz"))


class PhaseSpec(ApiModel):
    """A stretch of the run with settings of its own; the switch to the next phase is a checkpoint."""

    name: PhaseName
    """Name of the phase, unique in the run: lower-case letters, digits and dashes, at most 40."""
    steps: Steps | None = None
    """Length in optimizer steps. Exactly one of steps and tokens."""
    tokens: Tokens | None = None
    """Length in tokens, rounded up to whole steps. Exactly one of steps and tokens."""
    context_length: StrictInt = Field(default=256, ge=8, le=16_777_216)
    """Tokens in a sequence."""
    batch_size: Size = 16
    """Sequences in an optimizer step over all ranks; stays the same whatever their number."""
    learning_rate: StrictFloat = Field(default=3e-4, gt=0, le=1000)
    """Largest learning rate of the phase."""
    warmup_steps: StrictInt = Field(default=0, ge=0, le=1_000_000_000)
    """Steps over which the learning rate rises from 0."""
    schedule: Literal["constant", "cosine"] = "cosine"
    """How the learning rate falls after the warm-up: not at all, or along a cosine to a tenth."""
    data: DataSpec | None = None
    """Data of this phase, which takes the place of the run's own as a whole; the run's own when left out."""

    @property
    def total_steps(self) -> int:
        """Length in optimizer steps."""
        return self.steps or -(-(self.tokens or 0) // (self.batch_size * self.context_length))

    @rule
    def one_length(self) -> Iterator[Broken]:
        """Two lengths would leave open which one holds."""
        if self.steps is None and self.tokens is None:
            yield Broken((), self, "has no length: give it steps or tokens")
        if self.steps is not None and self.tokens is not None:
            yield Broken(("tokens",), self.tokens, f"does not go with steps {self.steps}: leave one of the two out")

    @rule
    def warms_up_within_itself(self) -> Iterator[Broken]:
        """A warm-up that is longer than its phase never reaches the learning rate."""
        if 0 < self.total_steps < self.warmup_steps:
            yield Broken(("warmupSteps",), self.warmup_steps, f"is more than the {self.total_steps} steps of the phase: lower it")
