"""The words that all rooms of a DualRun share: questions, lanes, calls and what they cost. Values only; nothing here does anything.

Money is counted in nano-dollars (1e-9 USD, int): a token at 0.03 USD a million costs 30 of them, and sums stay exact.
"""

from dataclasses import dataclass
from enum import StrEnum

NANO_USD = 1_000_000_000
"""Nano-dollars in a dollar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One line of the question set; an item of the queue.

    Attributes:
        id: Its name, unique in the set.
        text: What is asked.
        answer: The right answer, where there is one; used for scores alone and never shown to a lane.
        kind: Class of the question, for reports by class; empty when the set has none.
    """

    id: str
    text: str
    answer: str | None = None
    kind: str = ""


class LaneKind(StrEnum):
    """Who owns the machine of a lane, and so who is paid for it."""

    CLOUD = "Cloud"
    LOCAL = "Local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a lane costs, nano-dollars: for each token read, for each token written, and for each hour, used or not."""

    input_nano: int = 0
    output_nano: int = 0
    hour_nano: int = 0

    @property
    def by_token(self) -> bool:
        """Whether a call costs anything."""
        return bool(self.input_nano or self.output_nano)

    def of(self, usage: "Usage") -> int:
        """Nano-dollars for the tokens of one call."""
        return usage.input_tokens * self.input_nano + usage.output_tokens * self.output_nano


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How fast a lane may be used; None is not limited from our side.

    Attributes:
        requests_per_minute: Calls a minute.
        tokens_per_minute: Tokens a minute, read and written together.
        max_in_flight: Calls at once.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_in_flight: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One way to get answers: an OpenAI-compatible server, or several that serve the same model.

    Attributes:
        name: Its name, unique in the run.
        kind: Whose machine it is.
        urls: Base addresses such as http://127.0.0.1:1234/v1; one for each instance.
        model: Name of the model, as the server calls it.
        price: What it costs.
        limits: How fast it may be used, over all instances.
    """

    name: str
    kind: LaneKind
    urls: tuple[str, ...]
    model: str
    price: Price = Price()
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a chat; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a lane is asked: messages, and how it is to answer.

    Attributes:
        messages: The chat so far. Text that calls share comes first, so that servers can keep it.
        max_tokens: Most tokens of the answer.
        temperature: 0 for the likeliest answer, more for varied ones.
    """

    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of a call as the lane itself counts them: lanes count differently, so they are never compared in tokens."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """By what right a worker speaks of an item: the fence is higher each time that the item is handed out or given up."""

    item: str
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPlace:
    """Which call of a run: a sample of an expert, in a step, on an item.

    Attributes:
        item: Id of the question.
        step: From 1 to maxSteps.
        expert: Name of the expert.
        sample: From 0; more than one when the same expert is asked again.
    """

    item: str
    step: int
    expert: str
    sample: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that was answered and paid; recorded once and never made again.

    Attributes:
        key: Content hash of run, place, model and prompt.
        place: Which call it is.
        lane: Who answered.
        answer: The text.
        usage: Tokens, as the lane counts them.
        cost_nano: What it cost, nano-dollars.
        seconds: From sending to the whole answer.
        memory_version: Position of the shared memory that its prompt was made from; 0 without memory.
    """

    key: str
    place: CallPlace
    lane: str
    answer: str
    usage: Usage
    cost_nano: int
    seconds: float
    memory_version: int = 0
