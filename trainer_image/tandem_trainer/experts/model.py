"""The shared parts of the model, and what a step does with them: trunk, router, experts, head; the head predicts once a token.

The trunk is Tandem's own transformer. Experts read its stream, normalised, and add their answers to it just before the head. Errors
reach the trunk on the stream itself, past the experts: no expert waits for another, and none is needed twice.
"""
# capitals in the names of tensors are their shapes: B sequences, T tokens, N = B x T, D width, K experts a token, E experts

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from tandem_trainer.experts.layer import Layer
from tandem_trainer.experts.learning import credit
from tandem_trainer.experts.learning.router import Router, Scores, balanced
from tandem_trainer.experts.learning.rules import Credit, Rule
from tandem_trainer.experts.renewal import Heir, heirs
from tandem_trainer.models.transformer import Transformer


class Shared(nn.Module):
    """What every token meets."""

    def __init__(self, transformer: Transformer, router: Router) -> None:
        super().__init__()
        self.transformer, self.router = transformer, router


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """What came of a window: its loss in nats a token, who was asked about each, and experts whose answers are no numbers any more."""

    loss: Tensor
    chosen_NK: Tensor
    broken_E: Tensor


class Mixture:
    """Shared parts and experts, and how they learn from a window together."""

    def __init__(self, shared: Shared, layer: Layer, rule: Rule, *, temperature: float, balance: float) -> None:
        self.shared, self.layer, self._rule = shared, layer, rule
        self._temperature, self._balance = temperature, balance
        self.handicap_E = torch.zeros(layer.sizes.count, device=layer.mover.device)
        """What keeps tokens from busy experts, and all of them from one that is broken, until it is made anew."""

    @property
    def through(self) -> bool:
        """Whether experts learn within a window, end to end, so that nothing of it waits for the next."""
        return self._rule.through

    @torch.no_grad()
    def begin_at(self, tokens_BT: Tensor) -> None:
        """Begin the router where tokens of the first window are, before anything is learned from it."""
        stream_BTD = self.shared.transformer.stream(tokens_BT[:, :-1])
        self.shared.router.begin_at(_normalised(stream_BTD.flatten(0, 1)))

    def learn(self, tokens_BT: Tensor, *, rate: float) -> Taught:
        """Gradients for the shared parts, and a lesson for each expert that was asked; `rate` is the experts' own."""
        stream_BTD = self.shared.transformer.stream(tokens_BT[:, :-1])
        x_ND = stream_BTD.detach().flatten(0, 1).requires_grad_()
        asked = self._ask(x_ND)
        loss = self.shared.transformer.head((x_ND + asked.answer_ND).view_as(stream_BTD), tokens_BT[:, 1:])
        loss.backward()
        self._teach(x_ND, asked, rate)
        stream_BTD.backward(_gradient(x_ND).view_as(stream_BTD))
        self.handicap_E = balanced(self.handicap_E, asked.chosen_NK, self._balance)
        broken_E = asked.broken_E & self.handicap_E.isfinite()
        self.handicap_E[asked.broken_E] = torch.inf
        return Taught(loss=loss.detach(), chosen_NK=asked.chosen_NK, broken_E=broken_E)

    def renew(self, chosen_NK: Tensor) -> Sequence[Heir]:
        """Make broken experts anew; `chosen_NK` tells who was asked in the window that was just learned from."""
        seen_E = torch.bincount(chosen_NK.flatten(), minlength=len(self.handicap_E))
        found = heirs(self.handicap_E.tolist(), seen_E.tolist())
        if found:
            self.layer.renew(found)
        for heir in found:
            self.handicap_E[heir.child] = self.handicap_E[heir.parent]
        return found

    @torch.no_grad()
    def loss(self, tokens_BT: Tensor) -> Tensor:
        """Mean loss in nats a token; nothing is learned."""
        stream_BTD = self.shared.transformer.stream(tokens_BT[:, :-1])
        asked = self._ask(stream_BTD.flatten(0, 1))
        return self.shared.transformer.head(stream_BTD + asked.answer_ND.view_as(stream_BTD), tokens_BT[:, 1:])

    @torch.no_grad()
    def foresee(self, tokens_BT: Tensor) -> Tensor:
        """Logits of what follows each sequence, (B, vocabulary); experts are asked about its last token and no other."""
        last_BD = self.shared.transformer.stream(tokens_BT)[:, -1]
        head = self.shared.transformer.head
        return functional.linear(head.norm(last_BD + self._ask(last_BD).answer_ND), head.weight)

    def _ask(self, x_ND: Tensor) -> "_Asked":
        read_ND = _normalised(x_ND)
        scores = self.shared.router(read_ND if self._rule.through else read_ND.detach())
        chosen_NK = scores.choose(self.handicap_E, self.layer.sizes.active)
        answers_NKD = self.layer.answer(read_ND.detach(), chosen_NK)
        broken_E = self._contain(answers_NKD, read_ND, chosen_NK)
        answers_NKD.requires_grad_(self._rule.through and x_ND.requires_grad)
        return _Asked(
            scores=scores,
            chosen_NK=chosen_NK,
            answers_NKD=answers_NKD,
            answer_ND=(self._weights(scores, chosen_NK).unsqueeze(2) * answers_NKD).sum(1),
            broken_E=broken_E,
        )

    def _weights(self, scores: Scores, chosen_NK: Tensor) -> Tensor:
        if self._rule.credit is Credit.EQUAL:
            return torch.full(chosen_NK.shape, 1 / chosen_NK.shape[1], device=chosen_NK.device)
        weight_NK = scores.of(chosen_NK).softmax(1)
        return weight_NK if self._rule.through else weight_NK.detach()

    def _contain(self, answers_NKD: Tensor, read_ND: Tensor, chosen_NK: Tensor) -> Tensor:
        """Answers that are no numbers count as silence; whoever gave them is named, unless what was asked was no number either."""
        sound_NK = answers_NKD.isfinite().all(2) | ~read_ND.isfinite().all(1, keepdim=True)
        answers_NKD.nan_to_num_(0.0, 0.0, 0.0)
        unsound_P = (~sound_NK).flatten().to(self.handicap_E.dtype)  # counted: to pick them out, a host would wait for all experts
        return torch.zeros_like(self.handicap_E).index_add_(0, chosen_NK.flatten(), unsound_P) > 0

    def _teach(self, x_ND: Tensor, asked: "_Asked", rate: float) -> None:
        if self._rule.through:
            self.layer.teach(_gradient(asked.answers_NKD), rate=rate)
            _normalised(x_ND).backward(self.layer.pass_on())
            return
        gradient_ND = _gradient(x_ND) * len(x_ND)  # of each token's own loss: the loss is their mean
        error_NKD, weight_NK = self._lesson(gradient_ND, asked)
        self.layer.teach(credit.shared(error_NKD, weight_NK, asked.chosen_NK, self.layer.sizes.count), rate=rate)

    def _lesson(self, gradient_ND: Tensor, asked: "_Asked") -> tuple[Tensor, Tensor]:
        """What each expert is to learn from each token, by the error of its own answer, and how much: as much as it had counted for.

        Where credit is due to some more than to others, the router learns to know that beforehand. Experts are not weighed by it: it
        knows what came next, and they would part along what nobody can foresee.
        """
        off_NKD, pull = asked.answers_NKD - asked.answer_ND.unsqueeze(1), credit.pull(gradient_ND)
        error_NKD = credit.errors(gradient_ND, off_NKD, pull)
        if self._rule.credit is Credit.EQUAL:
            return error_NKD, torch.ones_like(asked.chosen_NK, dtype=gradient_ND.dtype)
        scores_NK = asked.scores.of(asked.chosen_NK)
        costs_NK = credit.costs(gradient_ND, off_NKD, pull)
        credit_NK = credit.responsibilities(scores_NK.detach(), costs_NK, self._temperature)
        credit.surprise(scores_NK, credit_NK).backward()
        return error_NKD, scores_NK.detach().softmax(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    scores: Scores
    chosen_NK: Tensor
    answers_NKD: Tensor
    answer_ND: Tensor
    broken_E: Tensor


def _normalised(x_ND: Tensor) -> Tensor:
    return functional.rms_norm(x_ND, x_ND.shape[-1:])


def _gradient(of: Tensor) -> Tensor:
    assert of.grad is not None, "nothing was passed back"
    return of.grad
