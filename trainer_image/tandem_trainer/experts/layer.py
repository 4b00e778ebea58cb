"""The layer of experts: it answers for a window of tokens, and learns from what the answers were worth.

Answers are needed before the error is known, and an expert would have to come to the device twice. Here it comes once: what it
learns from a window waits until it is next needed, and is done before it answers again. So every answer comes from weights
that have learned from all windows before, and nothing is late but the copy. `settle` does what still waits.
"""
# capitals in the names of tensors are their shapes: N tokens, K experts a token, D width, P pairs, E experts

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor

from tandem_trainer.experts.learning.pairs import sorted_by_expert
from tandem_trainer.experts.learning.rules import Rule
from tandem_trainer.experts.moving.mover import Mover
from tandem_trainer.experts.renewal import Heir, renew
from tandem_trainer.experts.sizes import Sizes
from tandem_trainer.experts.turn import Practice, Turn, Window


class Layer:
    """Experts of `sizes` that `mover` moves and that learn by `rule`."""

    def __init__(self, sizes: Sizes, mover: Mover, rule: Rule, *, clip: float) -> None:
        self.sizes, self.mover = sizes, mover
        self._practice = Practice(sizes=sizes, change=rule.change, clip=clip)
        self._asked: Window | None = None
        self._waits: Window | None = None
        self._half = 0  # of what is kept: what waits lies in the other one
        self.unwell_E = torch.zeros(sizes.count, dtype=torch.bool, device=mover.device)
        """Experts whose gradient was no number, since this was last looked at and cleared."""
        self.taught: int | None = None
        """How many experts were to learn, since this was last looked at and cleared; None while no lesson was given."""

    def answer(self, x_ND: Tensor, chosen_NK: Tensor) -> Tensor:
        """What the chosen experts make of each token, (N, K, D); what they had still to learn, they learn first."""
        answers_PD = torch.empty(chosen_NK.numel(), x_ND.shape[1], device=x_ND.device)
        pairs = sorted_by_expert(chosen_NK, self.sizes.count)
        self._half = 1 - self._half
        kept_MF = self.mover.slots.kept_WMF[self._half]
        self._asked = Window(x_ND=x_ND, pairs=pairs, of_pairs_PD=answers_PD, kept_MF=kept_MF)
        self.mover.go_round(self._turn(self._asked))
        return answers_PD.view(*chosen_NK.shape, -1)

    def teach(self, error_NKD: Tensor, *, rate: float) -> None:
        """Learn from how far off each answer of the last window was, at learning rate `rate`."""
        assert self._asked is not None, "nobody was asked"
        asked, self._asked = self._asked, None
        self._waits = replace(asked, of_pairs_PD=error_NKD.flatten(0, 1), rate=rate)

    def pass_on(self) -> Tensor:
        """Do what was taught at once, in a pass of its own; the errors of the tokens themselves, (N, D): nothing by a broken expert."""
        assert self._waits is not None, "nothing was taught"
        active, errors_PD = self._waits.pairs.active, torch.empty_like(self._waits.of_pairs_PD)
        turn = self._turn()
        turn.passed_on_PD = errors_PD
        self.mover.go_round(turn)
        return errors_PD.nan_to_num_(0.0, 0.0, 0.0).unflatten(0, (-1, active)).sum(1)

    def settle(self) -> None:
        """Do what still waits, and have all rows back on the host."""
        self.mover.go_round(self._turn(), farewell=True)

    def renew(self, heirs: Iterable[Heir]) -> None:
        """Make experts anew, each from its parent; who has still to learn does so before."""
        self.settle()
        for heir in heirs:
            renew(self.mover, heir)

    def forget(self) -> None:
        """The rows on the host were replaced: nothing waits any more."""
        self._asked = self._waits = self.taught = None
        self.unwell_E.zero_()
        self.mover.forget()

    def _turn(self, asked: Window | None = None) -> Turn:
        """What waits is done in the next pass, whatever else that is for."""
        waits, self._waits = self._waits, None
        if waits is not None:
            self.taught = len(waits.pairs.touched)
        return Turn(self._practice, self.unwell_E, taught=waits, asked=asked)
