"""Which tokens each expert sees: the pairs of a token and an expert, sorted by expert, so that each expert is visited once."""
# capitals in the names of tensors are their shapes: N tokens, K experts a token, P pairs

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from tandem_trainer.experts.moving.pieces import Piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """The pairs of a window.

    Attributes:
        order_P: Numbers of pairs (token x K + which of its experts), sorted by expert.
        begins: Where in `order_P` the pairs of each expert begin, with the end of the last one behind; count + 1 numbers.
        touched: Experts that see any token.
        active: K.
    """

    order_P: Tensor
    begins: tuple[int, ...]
    touched: tuple[int, ...]
    active: int

    def count(self, expert: int | None) -> int:
        """How many an expert has; None has none."""
        return 0 if expert is None else self.begins[expert + 1] - self.begins[expert]

    def spans(self, experts: Sequence[int], piece: Piece) -> list[Tensor]:
        """The pairs of a piece, expert by expert."""
        begins = (self.begins[expert] + piece.begin for expert in experts)
        return [self.order_P[begin : begin + count] for begin, count in zip(begins, piece.counts, strict=True)]


def sorted_by_expert(chosen_NK: Tensor, count: int) -> Pairs:
    """The pairs of a window; the one place where the host waits for what the router chose."""
    flat_P = chosen_NK.flatten()
    ends = torch.bincount(flat_P, minlength=count).cumsum(0).tolist()
    begins = (0, *ends)
    touched = tuple(expert for expert, (begin, end) in enumerate(pairwise(begins)) if begin < end)
    return Pairs(order_P=flat_P.argsort(stable=True), begins=begins, touched=touched, active=chosen_NK.shape[1])
