"""Text from a mixture, a token at a time, in memory that grows neither with the text nor with the number of experts.

The trunk reads as many of the last tokens as the model learned to read, and keeps nothing in between. Experts are asked about the last
token alone: as many rows come to the device as a token has experts, less those that are there already, and none returns.
"""
# capitals in the names of tensors are their shapes: V vocabulary

from collections import deque
from collections.abc import Iterable, Iterator

import torch

from tandem_trainer.data.tokens import Special, Tokenizer
from tandem_trainer.experts.generation.sampling import Sampling, choose
from tandem_trainer.experts.model import Mixture

_TORN = "\N{REPLACEMENT CHARACTER}".encode()  # how a tokenizer shows a character whose last bytes are still to come


def write(mixture: Mixture, beginning: Iterable[int], special: Special, *, context: int, how: Sampling) -> Iterator[int]:
    """The tokens that follow `beginning`, for ever, or until the document ends.

    Args:
        mixture: The model.
        beginning: Tokens that are there; a document begins after the end of another, so that there may be none.
        special: The end of a document, and tokens behind it that are never written.
        context: As many tokens as are read at most.
        how: How to choose among tokens.
    """
    device, generator = mixture.layer.mover.device, how.generator()
    read = deque([special.end, *beginning], maxlen=context)
    while True:
        logits_V = mixture.foresee(torch.tensor([list(read)], device=device))[0, : special.end + 1]
        token = choose(logits_V, how, generator)
        if token == special.end:
            return
        read.append(token)
        yield token


def spoken(tokens: Iterable[int], tokenizer: Tokenizer) -> Iterator[bytes]:
    """The text of tokens as they come; of a character that takes several, nothing before it is whole."""
    waiting: list[int] = []
    for token in tokens:
        waiting.append(token)
        text = tokenizer.decode(waiting)
        if text and not text.endswith(_TORN):
            yield text
            waiting.clear()
    if waiting:
        yield tokenizer.decode(waiting)
