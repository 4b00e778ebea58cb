"""How the weights of one expert follow from its errors; each expert by itself, clipped by itself, in the place where it lies.

One gradient is held at a time, in memory of its own that all experts share. An expert whose gradient is not finite keeps its
weights, and is named; the others learn on.

The gradient is not added to the weights by its own product (addmm with a negative rate), though that would save its memory: how far it
is clipped must be known first. The length follows from products of pairs with each other, too, which costs (D + F) / DF of a gradient a
pair and saves the goes over it. On one thread, for D 256 and F 1,024, by rates that were measured: 110 us at 64 pairs against the
107 us that length and descent take (of 2.3 ms), so nothing is gained; it pays for a handful of pairs only.
"""
# capitals in the names of tensors are their shapes: P pairs of the expert, D width, F inner width

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tandem_trainer.experts.learning.expert import Trace
from tandem_trainer.experts.learning.rules import Change
from tandem_trainer.experts.moving.pieces import Part
from tandem_trainer.experts.moving.slots import Weights
from tandem_trainer.experts.sizes import Sizes

_BETAS, _EPSILON = (0.9, 0.95), 1e-8  # Adam's, as customary for language models
_TINY = 1e-12  # keeps a length that is divided by away from zero
_SHORT = 1e-8  # the same of a vector whose direction is asked for, as torch's cosine has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One expert in a slot: matrices (D, F) and (F, D), the whole row, and the gradient's memory in the same layout."""

    in_DF: Tensor
    out_FD: Tensor
    row: Tensor
    d_in_DF: Tensor
    d_out_FD: Tensor
    d_row: Tensor


def place(weights: Weights, number: int, gradient: Weights) -> Place:
    """The expert at place `number` of a slot."""
    return Place(
        in_DF=weights.in_GDF[number],
        out_FD=weights.out_GFD[number],
        row=weights.rows_GR[number],
        d_in_DF=gradient.in_GDF[0],
        d_out_FD=gradient.out_GFD[0],
        d_row=gradient.rows_GR[0],
    )


def gather(how: Change, at: Place, traced: Trace, part: Part) -> None:
    """Add what was traced of some of an expert's pairs to its gradient; the first of them begin it."""
    _DIRECTIONS[how](at, traced, part)


def learn(how: Change, sizes: Sizes, at: Place, *, rate: float, clip: float) -> Tensor:
    """Change the weights at `at` by the gradient that was gathered; whether it was finite, as a tensor."""
    length = torch.linalg.vector_norm(at.d_row)
    finite = length.isfinite()
    scale = (clip / (length + _TINY)).clamp(max=1.0) if clip else torch.ones_like(length)
    if how in {Change.DESCENT, Change.OJA}:
        _descend(sizes, at, rate * scale, finite)
        return finite
    at.d_row.nan_to_num_(0.0, 0.0, 0.0).mul_(torch.where(finite, scale, 0.0))
    if how is Change.ADAM:
        _adam(sizes, at, rate, finite)
    else:
        _keeping_lengths(at, rate)
    return finite


def _descent(at: Place, traced: Trace, part: Part) -> None:
    _add_product(at.d_in_DF, traced.x_PD, traced.inner_error_PF, part)
    _add_product(at.d_out_FD, traced.inside_PF, traced.error_PD, part)


def _hebb(at: Place, traced: Trace, part: Part) -> None:
    """On the way out the delta rule (Widrow and Hoff 1960); on the way in what fired together, for as far as it helped."""
    _add_product(at.d_out_FD, traced.inside_PF, traced.error_PD, part)
    helped_P1 = _helped(at, traced).mul_(part.share)
    _add_product(at.d_in_DF, torch.mul(traced.x_PD, -helped_P1, out=traced.answer_PD), traced.inside_PF, part)


def _oja(at: Place, traced: Trace, part: Part) -> None:
    """Likewise, with a decay that bounds each unit's weights: y (x - y w). What did not help teaches nothing."""
    _add_product(at.d_out_FD, traced.inside_PF, traced.error_PD, part)
    helped_P1 = _helped(at, traced).clamp_(min=0.0).mul_(part.share)
    _add_product(at.d_in_DF, torch.mul(traced.x_PD, -helped_P1, out=traced.answer_PD), traced.inside_PF, part)
    squares_PF = torch.square(traced.inside_PF, out=traced.inner_error_PF)
    at.d_in_DF.addcmul_(at.in_DF, (squares_PF.t() @ helped_P1).squeeze(1))


def _add_product(sum_IO: Tensor, left_PI: Tensor, right_PO: Tensor, part: Part) -> None:
    sum_IO.addmm_(left_PI.t(), right_PO, beta=0.0 if part.first else 1.0)


def _helped(at: Place, traced: Trace) -> Tensor:
    """The third factor: how well each answer pointed away from the error, -1 to 1, (P, 1)."""
    answers_PD, errors_PD = torch.mm(traced.inside_PF, at.out_FD, out=traced.answer_PD), traced.error_PD
    products_P1 = (answers_PD.unsqueeze(1) @ errors_PD.unsqueeze(2)).squeeze(2)
    lengths_P1 = (torch.linalg.vector_norm(each, dim=1, keepdim=True).clamp_(min=_SHORT) for each in (answers_PD, errors_PD))
    return products_P1.div_(next(lengths_P1)).div_(next(lengths_P1)).neg_()


def _keeping_lengths(at: Place, rate: float) -> None:
    """Hebb's rule alone grows without bound: each unit's weights keep the length that they had."""
    before_F = torch.linalg.vector_norm(at.in_DF, dim=0)
    at.in_DF.add_(at.d_in_DF, alpha=-rate)
    at.in_DF.mul_(before_F / (torch.linalg.vector_norm(at.in_DF, dim=0) + _TINY))
    at.out_FD.add_(at.d_out_FD, alpha=-rate)


def _descend(sizes: Sizes, at: Place, rate: Tensor, finite: Tensor) -> None:
    """Descend in one go over weights and gradient; nothing is written where the gradient is not finite."""
    torch._fused_sgd_(  # pyright: ignore[reportPrivateImportUsage]  # the kernel behind torch.optim.SGD(fused=True)
        [at.row[: sizes.weights]],
        [at.d_row],
        [],
        weight_decay=0.0,
        momentum=0.0,
        lr=rate,
        dampening=0.0,
        nesterov=False,
        maximize=False,
        is_first_step=False,
        found_inf=(~finite).float(),
    )


def _adam(sizes: Sizes, at: Place, rate: float, finite: Tensor) -> None:
    """Adam, with the moments and the number of steps that lie in the row behind the weights."""
    weights, first, second = (at.row[number * sizes.weights : (number + 1) * sizes.weights] for number in range(3))
    steps = at.row[3 * sizes.weights]
    steps.add_(finite)
    torch._fused_adamw_(  # pyright: ignore[reportPrivateImportUsage]  # the kernel behind torch.optim.AdamW(fused=True)
        [weights],
        [at.d_row],
        [first],
        [second],
        [],
        [steps],
        lr=rate,
        beta1=_BETAS[0],
        beta2=_BETAS[1],
        weight_decay=0.0,
        eps=_EPSILON,
        amsgrad=False,
        maximize=False,
        found_inf=(~finite).float(),
    )


_DIRECTIONS: dict[Change, Callable[[Place, Trace, Part], None]] = {
    Change.DESCENT: _descent,
    Change.ADAM: _descent,
    Change.HEBB: _hebb,
    Change.OJA: _oja,
}
