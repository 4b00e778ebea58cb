"""What all tokens share learns by Adam, whatever rule the experts learn by."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from tandem_trainer.adamw import AdamW
from tandem_trainer.job import Optimizer


class SharedLearning:
    """Takes a step by the gradients that a window has left.

    Args:
        weights: What is shared.
        optimizer: Adam's settings.
        clip: Largest norm of all gradients together; 0 for any.

    Attributes:
        adamw: Has the moments.
    """

    def __init__(self, weights: Iterable[nn.Parameter], optimizer: Optimizer, clip: float) -> None:
        self._weights, self._clip = tuple(weights), clip or float("inf")
        self.adamw = AdamW(self._weights, optimizer)
        self.adamw.prepare(self._weights)

    def step(self, rate: float) -> Tensor:
        """The norm of the gradients, which are gone then; where it is no number nothing is changed."""
        norm = torch.nn.utils.clip_grad_norm_(self._weights, self._clip)
        if bool(norm.isfinite()):
            self.adamw.set_learning_rate(rate)
            self.adamw.step()
        for weight in self._weights:
            weight.grad = None
        return norm
