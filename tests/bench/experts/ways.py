"""Three ways to have experts answer for a window of tokens and learn from it: Tandem's, the seed's, and all of them at hand.

All learn the same task: the answer to a token is a target, and the error of a pair is the difference, shared among the pairs of its
expert. The seed's way is its own description, without what it calls aggressive cleanup: a batch of tokens at a time, each expert that was
chosen is loaded into a buffer on the device, learns there by a local loss and SGD of its own, and is written back.
"""
# capitals in the names of tensors are their shapes: N tokens, K experts a token, D width, P pairs, E experts

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from tandem_trainer.experts.layer import Layer
from tandem_trainer.experts.learning.pairs import sorted_by_expert
from tandem_trainer.experts.learning.rules import RULES
from tandem_trainer.experts.moving.link import Link, link_to
from tandem_trainer.experts.moving.mover import open_mover
from tandem_trainer.experts.moving.schedule import Visit
from tandem_trainer.experts.moving.slots import Slots, Weights
from tandem_trainer.experts.sizes import Room, Sizes
from tandem_trainer.experts.turn import Practice, Turn
from tandem_trainer.experts.turn import Window as Asked
from torch import Tensor, nn
from torch.nn import functional

RULE, RATE, CLIP = RULES["responsibility"], 0.1, 1.0
SEED_BATCH = 256  # tokens that the seed's loop takes at a time: a sequence of the length that its script trains on


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Tokens, who is asked about them, and what the answers should be."""

    x_ND: Tensor
    chosen_NK: Tensor
    target_ND: Tensor

    def errors(self, answers_NKD: Tensor, count: int) -> Tensor:
        """How far off each answer is, over the pairs of its expert; in the memory of the answers, which end with it."""
        seen_E = torch.bincount(self.chosen_NK.flatten(), minlength=count)
        return answers_NKD.sub_(self.target_ND.unsqueeze(1)).div_(seen_E[self.chosen_NK].unsqueeze(2))


def window(sizes: Sizes, tokens: int, device: torch.device) -> Window:
    """Random tokens, which go where a random router sends them."""
    drawn = torch.Generator().manual_seed(0)
    x_ND, target_ND = (torch.randn(tokens, sizes.width, generator=drawn) for _ in range(2))
    chosen_NK = (x_ND @ torch.randn(sizes.width, sizes.count, generator=drawn)).topk(sizes.active, dim=1).indices
    return Window(x_ND=x_ND.to(device), chosen_NK=chosen_NK.to(device), target_ND=target_ND.to(device))


class Way(Protocol):
    """A step: answer for a window, and learn from it."""

    def step(self, window: Window) -> None:
        """Once."""
        ...


class Grouped:
    """Tandem's layer; what is learned from a window is done when the next one is answered, so that a step is one pass."""

    def __init__(self, sizes: Sizes, device: torch.device, link: Link | None = None, *, kept: int = 0, group: int = 1) -> None:
        room = Room(kept=kept, group=group)
        self.mover, rows = open_mover(sizes, room, link or link_to(device, room.slots))
        rows.begin(seed=0, share=1.0)
        self._layer = Layer(sizes, self.mover, RULE, clip=CLIP)

    def step(self, window: Window) -> None:
        """Answer, having learned from the window before, and be taught."""
        answers_NKD = self._layer.answer(window.x_ND, window.chosen_NK)
        self._layer.teach(window.errors(answers_NKD, self._layer.sizes.count), rate=RATE)


class Seed:
    """The seed's loop: load, forward, local loss, backward, SGD, offload, for every batch and every expert."""

    def __init__(self, sizes: Sizes, device: torch.device) -> None:
        drawn = torch.Generator().manual_seed(0)
        self._store_ER = torch.randn(sizes.count, 2 * sizes.width * sizes.inner, generator=drawn) * sizes.inner**-0.5
        self._loaded = torch.empty(2 * sizes.width * sizes.inner, device=device)
        first, second = self._loaded.chunk(2)
        self._in_DF = nn.Parameter(first.view(sizes.width, sizes.inner))
        self._out_FD = nn.Parameter(second.view(sizes.inner, sizes.width))
        self._sgd = torch.optim.SGD([self._in_DF, self._out_FD], lr=RATE)

    def step(self, window: Window) -> None:
        """Batch by batch, expert by expert."""
        for x_ND, chosen_NK, target_ND in zip(*(each.split(SEED_BATCH) for each in _fields(window)), strict=True):
            for chosen in chosen_NK.unique().tolist():
                own_N = (chosen_NK == chosen).any(1)
                self._loaded.copy_(self._store_ER[chosen])
                self._learn(x_ND[own_N], target_ND[own_N])
                self._store_ER[chosen].copy_(self._loaded)

    def _learn(self, x_PD: Tensor, target_PD: Tensor) -> None:
        answers_PD = functional.gelu(x_PD @ self._in_DF) @ self._out_FD
        self._sgd.zero_grad()
        ((answers_PD - target_PD).square().sum() / (2 * len(x_PD))).backward()
        self._sgd.step()


class Resident:
    """All experts side by side on the device, one indexed after the other: the same rule and products, and nothing is ever moved."""

    def __init__(self, sizes: Sizes, device: torch.device) -> None:
        self._slots = Slots(sizes, Room(streaming=1, group=sizes.count), device)
        self._slots[0].rows_GR.normal_(std=sizes.inner**-0.5)
        self._unwell_E = torch.zeros(sizes.count, dtype=torch.bool, device=device)
        self._practice = Practice(sizes=sizes, change=RULE.change, clip=CLIP)

    def step(self, window: Window) -> None:
        """Answer, then learn."""
        count = self._practice.sizes.count
        pairs = sorted_by_expert(window.chosen_NK, count)
        answers_PD = torch.empty(window.chosen_NK.numel(), window.x_ND.shape[1], device=window.x_ND.device)
        asked = Asked(x_ND=window.x_ND, pairs=pairs, of_pairs_PD=answers_PD)
        self._all_work(Turn(self._practice, self._unwell_E, asked=asked), pairs.touched, answers=(0,))
        errors_PD = window.errors(answers_PD.view(*window.chosen_NK.shape, -1), count).flatten(0, 1)
        taught = Asked(x_ND=window.x_ND, pairs=pairs, of_pairs_PD=errors_PD, rate=RATE)
        self._all_work(Turn(self._practice, self._unwell_E, taught=taught), pairs.touched, learns=(0,))

    def _all_work(self, turn: Turn, experts: Sequence[int], learns: tuple[int, ...] = (), answers: tuple[int, ...] = ()) -> None:
        every = self._slots[0]
        for expert in experts:
            own = slice(expert, expert + 1)
            weights = Weights(in_GDF=every.in_GDF[own], out_GFD=every.out_GFD[own], rows_GR=every.rows_GR[own])
            turn.work(Visit(slot=0, experts=(expert,), comes=(), learns=learns, answers=answers, goes=()), weights, self._slots.desk)


def _fields(window: Window) -> Sequence[Tensor]:
    return window.x_ND, window.chosen_NK, window.target_ND
