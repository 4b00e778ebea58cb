"""Which tokens each expert sees: the pairs of a token and an expert, sorted by expert, so that each expert is visited once."""
# capitals in the names of tensors are their shapes: N tokens, K experts a token, P pairs

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """The pairs of a window.

    Attributes:
        order_P: Numbers of pairs (token x K + which of its experts), sorted by expert.
        begins: Where in `order_P` the pairs of each expert begin, with the end of the last one behind; count + 1 numbers.
        active: K.
    """

    order_P: Tensor
    begins: tuple[int, ...]
    active: int

    @property
    def touched(self) -> tuple[int, ...]:
        """Experts that see any token."""
        return tuple(expert for expert, (begin, end) in enumerate(pairwise(self.begins)) if begin < end)

    def of(self, experts: Iterable[int | None]) -> tuple[Tensor, tuple[int, ...]]:
        """The pairs of `experts`, one expert behind the other, and where among them those of each end; None sees nothing."""
        spans = [(0, 0) if expert is None else (self.begins[expert], self.begins[expert + 1]) for expert in experts]
        full = [span for span in spans if span[0] < span[1]]
        together = all(end == begin for (_, end), (begin, _) in pairwise(full))
        if not full:
            return self.order_P[:0], (0,) * len(spans)
        pairs = self.order_P[full[0][0] : full[-1][1]] if together else torch.cat([self.order_P[begin:end] for begin, end in full])
        return pairs, tuple(accumulate(end - begin for begin, end in spans))


def sorted_by_expert(chosen_NK: Tensor, count: int) -> Pairs:
    """The pairs of a window; the one place where the host waits for what the router chose."""
    flat_P = chosen_NK.flatten()
    ends = torch.bincount(flat_P, minlength=count).cumsum(0).tolist()
    return Pairs(order_P=flat_P.argsort(stable=True), begins=(0, *ends), active=chosen_NK.shape[1])
