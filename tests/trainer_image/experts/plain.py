"""A layer of experts as one would write it first: all weights at hand, one expert after the other, gradients by autograd."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from tandem_trainer.experts.layer import Layer
from tandem_trainer.experts.learning.rules import RULES, Change
from tandem_trainer.experts.moving.mover import open_mover
from tandem_trainer.experts.moving.rows import Rows
from tandem_trainer.experts.moving.slots import HostRows
from tandem_trainer.experts.sizes import Room, Sizes
from torch import Tensor
from torch.nn import functional


def layer(rule: str, room: Room, *, clip: float = 0.0, **sizes: int) -> tuple[Layer, HostRows]:
    """A scheduled layer with first weights, and its rows on the host."""
    chosen = Sizes(**{"count": 6, "active": 2, "width": 8, "inner": 12, **sizes}, moments=RULES[rule].moments)
    mover, rows = open_mover(chosen, room)
    rows.begin(seed=0, share=1.0)
    return Layer(chosen, mover, RULES[rule], clip=clip), rows


@dataclass
class Plain:
    """Experts that are all at hand."""

    change: Change
    matrices: list[tuple[Tensor, Tensor]]
    clip: float
    moments: dict[int, tuple[list[Tensor], list[Tensor], int]] = field(default_factory=dict)

    def answer(self, x_ND: Tensor, chosen_NK: Tensor) -> Tensor:
        """One expert after the other, over all tokens."""
        answers_END = torch.stack([functional.gelu(x_ND @ first) @ second for first, second in self.matrices])
        return answers_END[chosen_NK, torch.arange(len(x_ND)).unsqueeze(1)]

    def teach(self, x_ND: Tensor, chosen_NK: Tensor, error_NKD: Tensor, rate: float) -> Tensor:
        """Every expert from its own tokens; the errors of the tokens themselves."""
        passed_on = torch.zeros_like(x_ND)
        for expert in sorted(set(chosen_NK.flatten().tolist())):
            token, which = (chosen_NK == expert).nonzero(as_tuple=True)
            x, error = x_ND[token].clone().requires_grad_(), error_NKD[token, which]
            passed_on.index_add_(0, token, self._learn(expert, x, error, rate))
        return passed_on

    def _learn(self, expert: int, x: Tensor, error: Tensor, rate: float) -> Tensor:
        first, second = (matrix.clone().requires_grad_() for matrix in self.matrices[expert])
        inside = functional.gelu(x @ first)
        answers = inside @ second
        directions = list(torch.autograd.grad((answers * error).sum(), [first, second, x], retain_graph=True))
        passed_on = directions.pop()
        if self.change in {Change.HEBB, Change.OJA}:
            directions[0] = self._fired_together(first.detach(), x.detach(), inside.detach(), answers.detach(), error)
        length = torch.cat([each.flatten() for each in directions]).norm()
        directions = [each * min(1.0, self.clip / length.item()) for each in directions] if self.clip else directions
        lengths = first.detach().norm(dim=0)
        changed = [matrix.detach() - rate * each for matrix, each in zip((first, second), self._steps(expert, directions), strict=True)]
        if self.change is Change.HEBB:
            changed[0] = changed[0] / changed[0].norm(dim=0) * lengths
        self.matrices[expert] = (changed[0], changed[1])
        return passed_on

    def _fired_together(self, first: Tensor, x: Tensor, inside: Tensor, answers: Tensor, error: Tensor) -> Tensor:
        total = torch.zeros_like(first)
        for token in range(len(x)):
            helped = -functional.cosine_similarity(answers[token], error[token], dim=0)
            if self.change is Change.HEBB:
                total -= helped * torch.outer(x[token], inside[token])
            elif helped > 0:
                total -= helped * (torch.outer(x[token], inside[token]) - first * inside[token] ** 2)
        return total / len(x)

    def _steps(self, expert: int, directions: list[Tensor]) -> list[Tensor]:
        if self.change is not Change.ADAM:
            return directions
        zeros = [torch.zeros_like(each) for each in directions]
        first, second, steps = self.moments.get(expert, (zeros, zeros, 0))
        steps += 1
        first = [0.9 * old + 0.1 * new for old, new in zip(first, directions, strict=True)]
        second = [0.95 * old + 0.05 * new**2 for old, new in zip(second, directions, strict=True)]
        self.moments[expert] = (first, second, steps)
        bias = (1 - 0.9**steps, 1 - 0.95**steps)
        return [(one / bias[0]) / ((two / bias[1]).sqrt() + 1e-8) for one, two in zip(first, second, strict=True)]


def matrices(rows: Rows, sizes: Sizes) -> list[tuple[Tensor, Tensor]]:
    """Both matrices of every expert, as they are in the rows of the host."""
    used, shape = sizes.width * sizes.inner, (sizes.width, sizes.inner)
    rows_ER = torch.frombuffer(bytearray(rows.seen()), dtype=torch.float32).view(sizes.count, sizes.row)
    return [(row[:used].view(shape).clone(), row[sizes.matrix :][:used].view(shape[::-1]).clone()) for row in rows_ER]


Windows = Callable[[int], tuple[Tensor, Tensor, Tensor]]


def windows(sizes: Sizes, tokens: int = 20) -> Windows:
    """Tokens, their experts and errors of window number so and so; the last expert sees nothing in every second one."""

    def window(number: int) -> tuple[Tensor, Tensor, Tensor]:
        drawn = torch.Generator().manual_seed(number)
        x_ND = torch.randn(tokens, sizes.width, generator=drawn)
        scores_NE = torch.randn(tokens, sizes.count, generator=drawn)
        scores_NE[:, -1] -= 100.0 * (number % 2)
        chosen_NK = scores_NE.topk(sizes.active, dim=1).indices
        return x_ND, chosen_NK, torch.randn(tokens, sizes.active, sizes.width, generator=drawn)

    return window
