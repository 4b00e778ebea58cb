"""A task that is a mixture: each kind of points, of eight or more, follows a function of its own. Half of all points are never shown."""
# capitals in the names of tensors are their shapes: N points, B points of a window, C kinds, D width

from typing import cast

import torch
from tandem_trainer.experts.learning.router import Router
from tandem_trainer.experts.learning.rules import RULES
from tandem_trainer.experts.model import Mixture, Shared
from tandem_trainer.experts.sizes import Room
from tandem_trainer.models.transformer import Transformer
from torch import Tensor, nn

from tests.trainer_image.experts.plain import layer

_SHOWN, _POINTS, _WINDOW, _WIDTH = 4096, 8192, 128, 32


class Kinds(nn.Module):
    """In the place of a trunk: a token is the number of a point, and what is predicted is a normal variable, as wide as its errors are."""

    def __init__(self, kinds: int) -> None:
        super().__init__()
        kind_N = torch.randint(0, kinds, (_POINTS,))
        self.x_ND = torch.randn(kinds, _WIDTH)[kind_N] + torch.randn(_POINTS, _WIDTH)
        functions_CDD = 1.5 * _WIDTH**-0.5 * torch.randn(kinds, _WIDTH, _WIDTH)
        self.goal_ND = torch.einsum("nde,ne->nd", functions_CDD[kind_N], self.x_ND).tanh()

    def stream(self, points_B1: Tensor) -> Tensor:
        """The points themselves."""
        return self.x_ND[points_B1].requires_grad_()

    def head(self, out_B1D: Tensor, points_B1: Tensor) -> Tensor:
        """Nats a point, up to a constant."""
        squares_B1D = (out_B1D - self.x_ND[points_B1] - self.goal_ND[points_B1]).square()
        width = squares_B1D.detach().nanmean()
        return _WIDTH / 2 * ((squares_B1D / width - 1.0).mean() + width.log())


class Lesson:
    """A mixture of as many experts as there are kinds, two a point, that is taught window by window."""

    def __init__(self, rule: str, *, seed: int = 0, rate: float = 0.2, count: int = 8, keys_from_tokens: bool = False) -> None:
        torch.manual_seed(seed)
        scheduled, self.rows = layer(rule, Room(group=8), clip=1.0, count=count, width=_WIDTH, inner=64)
        self._router, self._rate, self.kinds = Router(count, _WIDTH), rate, Kinds(count)
        shared = Shared(cast("Transformer", self.kinds), self._router)
        self.mixture = Mixture(shared, scheduled, RULES[rule], temperature=1.0, balance=0.01)
        if keys_from_tokens:
            self.mixture.begin_at(window(torch.arange(_WINDOW)))
        self._adam = torch.optim.Adam(self._router.parameters(), 3e-3)

    def teach(self, windows: int) -> "Lesson":
        """So many windows of 128 points each."""
        for _ in range(windows):
            self.taught = self.mixture.learn(window(torch.randint(0, _SHOWN, (_WINDOW,))), rate=self._rate)
            self._adam.step()
            self._adam.zero_grad()
        return self

    def error(self) -> float:
        """The mean square of errors over points that were never shown, over the variance of what is predicted."""
        square = (2 / _WIDTH * self.mixture.loss(window(torch.arange(_SHOWN, _POINTS)))).exp().item()
        return square / self.kinds.goal_ND[_SHOWN:].var().item()


def window(points_B: Tensor) -> Tensor:
    """Each point is asked about, and then what is to be predicted."""
    return points_B.unsqueeze(1).expand(-1, 2)
