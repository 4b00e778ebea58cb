"""Who explained a token, which the router learns, and what each expert's own answer teaches it, by the weight that the answer had.

The head predicts once a token, from all answers together. What a single expert's answer would have cost is read off there, to second
order: an answer that differs from the joint one along the gradient costs, and so does one that differs much. From that follows the
posterior that this expert was the one to ask (Jacobs et al. 1991), which is what the router learns. An expert's error is that of its
own answer, as if it had been alone, and counts by the weight that its answer had. Answers are averaged before the head, whose loss is
taken as convex: so the weighed losses of single answers bound the joint one from above, and it is this bound that experts descend.

The posterior would be right for them if predictions were averaged, not answers. Where what comes next is not certain, experts that are
weighed by it part along what nobody can foresee, one for each outcome, and their mean is worth less than either: on Python source, after
400 steps, 2.31 nats a token against 2.07 (`tests.bench.experts.learning`).
"""
# capitals in the names of tensors are their shapes: N tokens, K experts a token, D width, E experts

import torch
from torch import Tensor


def pull(gradient_ND: Tensor) -> Tensor:
    """How strongly the loss bends, one number for all directions: the mean square of the gradient (Fisher), of tokens that have one."""
    squares_N = gradient_ND.square().mean(1)
    return squares_N.where(squares_N.isfinite(), torch.nan).nanmean()


def costs(gradient_ND: Tensor, off_NKD: Tensor, pull: Tensor) -> Tensor:
    """What each answer by itself costs more than the joint one, from which it is `off_NKD`, in nats, (N, K)."""
    return torch.einsum("nd,nkd->nk", gradient_ND, off_NKD) + pull / 2 * off_NKD.square().sum(2)


def errors(gradient_ND: Tensor, off_NKD: Tensor, pull: Tensor) -> Tensor:
    """The gradient where each answer by itself would be, (N, K, D)."""
    return gradient_ND.unsqueeze(1) + pull * off_NKD


def responsibilities(prior_NK: Tensor, costs_NK: Tensor, temperature: float) -> Tensor:
    """The posterior of each expert given what its answer cost; sums to one over K. A cost that is no number gets none."""
    told_NK = prior_NK.log_softmax(1) - costs_NK / temperature
    return torch.where(told_NK.isfinite(), told_NK, -torch.inf).softmax(1).nan_to_num(0.0)


def surprise(scores_NK: Tensor, credit_NK: Tensor) -> Tensor:
    """What the router is to lower: its surprise, in nats a token, at who of those it chose explained the token.

    Only the chosen are compared: a likelihood among all experts would also reward having chosen, and few would be chosen in the end.
    """
    return -(credit_NK * scores_NK.log_softmax(1)).sum(1).mean()


def shared(error_NKD: Tensor, weight_NK: Tensor, chosen_NK: Tensor, count: int) -> Tensor:
    """The error of each pair by its weight, over all the weight that its expert had: rare experts learn as fast as busy ones.

    Whose weights come to less than one token learns by so much less: a lesson that hardly concerns it is not to be a whole one.
    """
    mass_E = torch.zeros(count, device=weight_NK.device).index_add_(0, chosen_NK.flatten(), weight_NK.flatten())
    share_NK = weight_NK / mass_E.clamp(min=1.0)[chosen_NK]
    return error_NKD * share_NK.unsqueeze(2)
