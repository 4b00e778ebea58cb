"""Which token follows, given what a model thinks of each: the likeliest, or one drawn by likelihood, from a seed."""
# capitals in the names of tensors are their shapes: V vocabulary

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How to choose.

    Attributes:
        temperature: Below 1 likely tokens get likelier still; at 0 the likeliest is taken, and nothing is drawn.
        top: Only so many of the likeliest tokens are drawn from; 0 for all.
        seed: The same seed draws the same tokens.
    """

    temperature: float = 0.0
    top: int = 0
    seed: int = 0

    def generator(self) -> torch.Generator:
        """Where draws come from; on the processor, so that a card draws the same."""
        return torch.Generator().manual_seed(self.seed)


def choose(logits_V: Tensor, how: Sampling, generator: torch.Generator) -> int:
    """The token that follows."""
    if not how.temperature:
        return int(logits_V.argmax())
    likeliest = logits_V.detach().double().cpu().topk(min(how.top or len(logits_V), len(logits_V)))
    likelihoods = (likeliest.values / how.temperature).softmax(0)
    return int(likeliest.indices[torch.multinomial(likelihoods, 1, generator=generator)])
