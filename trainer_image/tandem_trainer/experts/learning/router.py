"""Which experts a token is sent to: by one score each, or by product keys once there are too many for that.

Product keys (Lample et al. 2019, "Large memory layers with product keys"; PEER, He 2024): an expert's score is the sum of a row's
and a column's, so that 2 x sqrt(E) scores stand for E. Load is balanced without a loss of its own: experts that saw too many tokens
are handicapped in the choice, never in the weights (Wang et al. 2024, "Auxiliary-loss-free load balancing").
"""
# capitals in the names of tensors are their shapes: N tokens, D width, E experts, K experts a token, A rows, B columns, C candidates

import math
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from tandem_trainer.experts.learning.first_keys import far_apart

PRODUCT_KEYS_FROM = 1000  # experts; below that one score each costs less than finding the best of two lists
_CANDIDATES = 4  # times K rows and columns are looked at: a handicap may change who is best among the best


class Scores(Protocol):
    """What a router thinks of every expert, for each token."""

    def choose(self, handicap_E: Tensor, active: int) -> Tensor:
        """The `active` experts of each token, (N, K)."""
        ...

    def of(self, chosen_NK: Tensor) -> Tensor:
        """Scores of those experts, (N, K)."""
        ...


class Router(nn.Module):
    """Scores for `count` experts from streams of `width`."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.count = count
        self.rows = math.isqrt(count - 1) + 1 if count > PRODUCT_KEYS_FROM else count
        self.columns = -(-count // self.rows)
        self.row_keys = nn.Parameter(torch.randn(self.rows, width) * width**-0.5)
        self.column_keys = nn.Parameter(torch.randn(self.columns, width) * width**-0.5) if self.columns > 1 else None

    @torch.no_grad()
    def begin_at(self, x_ND: Tensor) -> None:
        """Point the keys, or the rows of product keys, at tokens that lie far apart; where there are too few, the others stay at random."""
        keys_CD = far_apart(x_ND, self.rows)
        self.row_keys[: len(keys_CD)] = keys_CD

    def forward(self, x_ND: Tensor) -> Scores:
        """What it thinks of every expert."""
        rows_NA = x_ND @ self.row_keys.T
        return _Flat(rows_NA) if self.column_keys is None else _Product(rows_NA, x_ND @ self.column_keys.T, self.count)


class _Flat:
    def __init__(self, scores_NE: Tensor) -> None:
        self._scores_NE = scores_NE

    def choose(self, handicap_E: Tensor, active: int) -> Tensor:
        return (self._scores_NE.detach() - handicap_E).topk(active, dim=1).indices

    def of(self, chosen_NK: Tensor) -> Tensor:
        return self._scores_NE.gather(1, chosen_NK)


class _Product:
    """Expert number a x B + b has the score of row a and column b; a few numbers at the end may stand for nobody."""

    def __init__(self, rows_NA: Tensor, columns_NB: Tensor, count: int) -> None:
        self._rows_NA, self._columns_NB, self._count = rows_NA, columns_NB, count

    def choose(self, handicap_E: Tensor, active: int) -> Tensor:
        rows, columns = self._rows_NA.shape[1], self._columns_NB.shape[1]
        handicap_AB = functional.pad(handicap_E, (0, rows * columns - self._count), value=torch.inf).view(rows, columns)
        rows_NC, row_NC = self._best(self._rows_NA, _mean(handicap_AB, 1), active)
        columns_NC, column_NC = self._best(self._columns_NB, _mean(handicap_AB, 0), active)
        scores_NC = (rows_NC.unsqueeze(2) + columns_NC.unsqueeze(1)).flatten(1)
        expert_NC = (row_NC.unsqueeze(2) * columns + column_NC.unsqueeze(1)).flatten(1)
        nobody_NC = expert_NC >= self._count
        scores_NC = scores_NC - handicap_AB.flatten()[expert_NC]
        scores_NC = scores_NC.clamp(min=torch.finfo(scores_NC.dtype).min).masked_fill(nobody_NC, -torch.inf)  # rather somebody broken
        return expert_NC.gather(1, scores_NC.topk(active, dim=1).indices)

    def of(self, chosen_NK: Tensor) -> Tensor:
        columns = self._columns_NB.shape[1]
        return self._rows_NA.gather(1, chosen_NK // columns) + self._columns_NB.gather(1, chosen_NK % columns)

    @staticmethod
    def _best(scores_NS: Tensor, handicap_S: Tensor, active: int) -> tuple[Tensor, Tensor]:
        """Those that are looked at, and their scores. Busy ones make room, or experts elsewhere would never be asked."""
        best_NC = (scores_NS.detach() - handicap_S).topk(min(_CANDIDATES * active, scores_NS.shape[1]), dim=1).indices
        return scores_NS.detach().gather(1, best_NC), best_NC


def balanced(handicap_E: Tensor, chosen_NK: Tensor, step: float) -> Tensor:
    """The handicaps after a window: a little more for experts that saw more than their share of tokens, a little less for others."""
    seen_E = torch.zeros_like(handicap_E).index_add_(0, chosen_NK.flatten(), handicap_E.new_ones(chosen_NK.numel()))  # whole numbers: exact
    return seen_E.sub_(seen_E.mean()).sign_().mul_(step).add_(handicap_E)


def _mean(handicap_AB: Tensor, dim: int) -> Tensor:
    """Of those that are not endless; endless where all are."""
    finite_AB = handicap_AB.isfinite()
    return handicap_AB.where(finite_AB, 0.0).sum(dim).div_(finite_AB.sum(dim)).nan_to_num_(torch.inf)
