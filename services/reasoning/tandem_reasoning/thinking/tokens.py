"""How many tokens a prompt can have at most, without its tokenizer: what is reserved before a call must be enough for any model.

The tokenizers of today's chat models work on bytes, or fall back to them: every token stands for at least one byte of UTF-8. So the
number of bytes is a true bound, some four times what English text takes. Once a lane has told how it counts, its own densest prompt,
with a margin, is a tighter one. A price is booked by the lane's own count when the call is settled; lanes are never compared in tokens.
"""

from collections.abc import Iterable
from typing import NamedTuple

from tandem_reasoning.values import Prompt

_TEMPLATE = 128  # what a chat template adds by itself; gpt-oss's preamble with date, effort and channels has some 70, Llama 3.1's 25
_MESSAGE = 16  # what it adds for each message: begin, role, end
_ENOUGH = 50  # calls before a lane's own count is believed
_MARGIN = 1.25  # on the densest prompt so far: numbers and other scripts take more tokens a byte than prose


class Counted(NamedTuple):
    """A settled call: bytes of its prompt, and the tokens that the lane counted for it."""

    prompt_bytes: int
    input_tokens: int


def length(prompt: Prompt) -> int:
    """Bytes of all messages, UTF-8."""
    return sum(len(message.content.encode("utf-8", "replace")) for message in prompt.messages)


def at_most(prompt: Prompt, *, density: float = 1.0) -> int:
    """Tokens that reading `prompt` can cost at most.

    Args:
        prompt: What would be sent.
        density: Most tokens a byte, more than 0; 1 holds for every model, `density` of a lane's calls is tighter.
    """
    return _TEMPLATE + _MESSAGE * len(prompt.messages) + -int(-length(prompt) * density // 1)


def density(calls: Iterable[Counted]) -> float:
    """Most tokens a byte to reckon with on a lane that counted `calls` so; 1, the true bound, as long as they are few.

    What the template adds is counted as if it were text, so that the result is never too small for longer prompts.
    """
    seen = [call.input_tokens / call.prompt_bytes for call in calls if call.prompt_bytes > 0]
    return min(1.0, max(seen) * _MARGIN) if len(seen) >= _ENOUGH else 1.0
