"""How many tokens a prompt can have at most, without its tokenizer: what is reserved before a call must be enough for any model.

The tokenizers of today's chat models work on bytes, or fall back to them: every token stands for at least one byte of UTF-8. So the
number of bytes is a true bound, some four times what English text takes. A price is booked by the lane's own count when the call is
settled; lanes are never compared in tokens.
"""

from tandem_reasoning.values import Prompt

_TEMPLATE = 128  # what a chat template adds by itself; gpt-oss's preamble with date, effort and channels has some 70, Llama 3.1's 25
_MESSAGE = 16  # what it adds for each message: begin, role, end


def length(prompt: Prompt) -> int:
    """Bytes of all messages, UTF-8."""
    return sum(len(message.content.encode("utf-8", "replace")) for message in prompt.messages)


def at_most(prompt: Prompt) -> int:
    """Tokens that reading `prompt` can cost at most, with any model."""
    return _TEMPLATE + _MESSAGE * len(prompt.messages) + length(prompt)
