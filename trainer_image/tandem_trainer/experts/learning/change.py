"""How the weights of experts follow from their errors; each expert by itself, clipped by itself, in the place where it lies.

Gradients lie in memory of their own that all experts share: one, or as many as small experts are worked on side by side. An expert whose
gradient is not finite keeps its weights, and is named; the others learn on.

A large expert learns by the fused kernels of torch, in one go over weights and gradient. They take one rate for all, and each expert is
clipped by itself; so small ones learn by operations that go over all of them at once, more often, and cost a tenth of beginning a kernel
for each. Which of both follows from how many pairs an expert has, and not from who is beside it.

The gradient is not added to the weights by its own product (addmm with a negative rate), though that would save its memory: how far it
is clipped must be known first. The length follows from products of pairs with each other, too, which costs (D + F) / DF of a gradient a
pair and saves the goes over it. On one thread, for D 256 and F 1,024, by rates that were measured: 110 us at 64 pairs against the
107 us that length and descent take (of 2.3 ms), so nothing is gained; it pays for a handful of pairs only.
"""
# capitals in the names of tensors are their shapes: B experts, C rows of pairs, D width, F inner width, I and O either of them

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from tandem_trainer.experts.learning.expert import Trace, product
from tandem_trainer.experts.learning.rules import Change
from tandem_trainer.experts.moving.pieces import Piece
from tandem_trainer.experts.moving.slots import Desk, Weights, weights_in
from tandem_trainer.experts.sizes import Sizes

_BETAS, _EPSILON = (0.9, 0.95), 1e-8  # Adam's, as customary for language models
_TINY = 1e-12  # keeps a length that is divided by away from zero
_SHORT = 1e-8  # the same of a vector whose direction is asked for, as torch's cosine has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Experts of a piece in their slot: matrices (B, D, F) and (B, F, D), their gradients, and the whole rows (B, numbers of a row)."""

    in_BDF: Tensor
    out_BFD: Tensor
    d_in_BDF: Tensor
    d_out_BFD: Tensor
    rows_BR: Tensor

    @property
    def gradients(self) -> tuple[Tensor, Tensor]:
        """Both."""
        return self.d_in_BDF, self.d_out_BFD

    @property
    def matrices(self) -> tuple[Tensor, Tensor]:
        """Both."""
        return self.in_BDF, self.out_BFD


def place(weights: Weights, desk: Desk) -> Place:
    """Those experts, and gradients for them."""
    d_in_BDF, d_out_BFD = desk.gradients(len(weights.rows_GR))
    return Place(in_BDF=weights.in_GDF, out_BFD=weights.out_GFD, d_in_BDF=d_in_BDF, d_out_BFD=d_out_BFD, rows_BR=weights.rows_GR)


def gather(how: Change, at: Place, traced: Trace, piece: Piece) -> None:
    """Add what was traced of a piece to the experts' gradients; the first of their pairs begin them."""
    _DIRECTIONS[how](at, traced, piece)


def learn(how: Change, sizes: Sizes, at: Place, piece: Piece, *, rate: float, clip: float) -> Tensor:
    """Change the weights at `at` by the gradients that were gathered; whether each was finite, (B,)."""
    length_B = torch.stack([torch.linalg.vector_norm(each.flatten(1), dim=1) for each in at.gradients]).square_().sum(0).sqrt_()
    finite_B = length_B.isfinite()
    shortened_B = (clip / (length_B + _TINY)).clamp(max=1.0) if clip else torch.ones_like(length_B)
    scale_B = torch.where(finite_B, shortened_B, 0.0)
    descends = how in {Change.DESCENT, Change.OJA}
    if descends and not piece.abreast:
        _descend(at, rate * scale_B[0], finite_B[0])
        return finite_B
    finite_B11 = _by_expert(finite_B)
    for each_BIO in at.gradients:
        each_BIO.masked_fill_(~finite_B11, 0.0)
    if descends:
        _descend_each(at, rate * scale_B)
        return finite_B
    for each_BIO in at.gradients:
        each_BIO.mul_(_by_expert(scale_B))
    if how is Change.ADAM:
        (_adam_each if piece.abreast else _adam)(sizes, at, rate, finite_B)
    else:
        _keeping_lengths(at, rate)
    return finite_B


def _descent(at: Place, traced: Trace, piece: Piece) -> None:
    _add_product(at.d_in_BDF, traced.x_BCD, traced.inner_error_BCF, piece)
    _add_product(at.d_out_BFD, traced.inside_BCF, traced.error_BCD, piece)


def _hebb(at: Place, traced: Trace, piece: Piece) -> None:
    """On the way out the delta rule (Widrow and Hoff 1960); on the way in what fired together, for as far as it helped."""
    _add_product(at.d_out_BFD, traced.inside_BCF, traced.error_BCD, piece)
    helped_BC1 = _shared(_helped(at, traced), piece)
    _add_product(at.d_in_BDF, torch.mul(traced.x_BCD, -helped_BC1, out=traced.answer_BCD), traced.inside_BCF, piece)


def _oja(at: Place, traced: Trace, piece: Piece) -> None:
    """Likewise, with a decay that bounds each unit's weights: y (x - y w). What did not help teaches nothing."""
    _add_product(at.d_out_BFD, traced.inside_BCF, traced.error_BCD, piece)
    helped_BC1 = _shared(_helped(at, traced).clamp_(min=0.0), piece)
    _add_product(at.d_in_BDF, torch.mul(traced.x_BCD, -helped_BC1, out=traced.answer_BCD), traced.inside_BCF, piece)
    # Summed and no product: torch makes one so small by another kernel where neighbours have more pairs, and to other bits.
    decay_BCF = torch.square(traced.inside_BCF, out=traced.inner_error_BCF).mul_(helped_BC1)
    at.d_in_BDF.addcmul_(at.in_BDF, decay_BCF.sum(1, keepdim=True))


def _add_product(sum_BIO: Tensor, left_BCI: Tensor, right_BCO: Tensor, piece: Piece) -> None:
    if piece.first:
        product(left_BCI.transpose(1, 2), right_BCO, out=sum_BIO)
    else:
        sum_BIO[0].addmm_(left_BCI[0].t(), right_BCO[0])  # who has several pieces is alone in each


def _helped(at: Place, traced: Trace) -> Tensor:
    """The third factor: how well each answer pointed away from the error, -1 to 1, (B, C, 1)."""
    answers_BCD, errors_BCD = product(traced.inside_BCF, at.out_BFD, out=traced.answer_BCD), traced.error_BCD
    products_BC1 = (answers_BCD.unsqueeze(2) @ errors_BCD.unsqueeze(3)).squeeze(3)
    lengths_BC1 = (torch.linalg.vector_norm(each, dim=2, keepdim=True).clamp_(min=_SHORT) for each in (answers_BCD, errors_BCD))
    return products_BC1.div_(next(lengths_BC1)).div_(next(lengths_BC1)).neg_()


def _shared(of_BC1: Tensor, piece: Piece) -> Tensor:
    """The mean over an expert's pairs is asked for: each counts by one over their number."""
    torch._foreach_mul_(list(of_BC1.unbind()), [1 / whole for whole in piece.whole])  # pyright: ignore[reportPrivateImportUsage]
    return of_BC1


def _keeping_lengths(at: Place, rate: float) -> None:
    """Hebb's rule alone grows without bound: each unit's weights keep the length that they had."""
    before_B1F = torch.linalg.vector_norm(at.in_BDF, dim=1, keepdim=True)
    at.in_BDF.add_(at.d_in_BDF, alpha=-rate)
    at.in_BDF.mul_(before_B1F / (torch.linalg.vector_norm(at.in_BDF, dim=1, keepdim=True) + _TINY))
    at.out_BFD.add_(at.d_out_BFD, alpha=-rate)


def _descend(at: Place, rate: Tensor, finite: Tensor) -> None:
    """Descend in one go over the weights and gradient of one expert; nothing is written where the gradient is not finite."""
    torch._fused_sgd_(  # pyright: ignore[reportPrivateImportUsage]  # the kernel behind torch.optim.SGD(fused=True)
        [each_BIO[0] for each_BIO in at.matrices],
        [each_BIO[0] for each_BIO in at.gradients],
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


def _descend_each(at: Place, rate_B: Tensor) -> None:
    for each_BIO, gradient_BIO in zip(at.matrices, at.gradients, strict=True):
        each_BIO.addcmul_(gradient_BIO, _by_expert(-rate_B))


def _adam(sizes: Sizes, at: Place, rate: float, finite_B: Tensor) -> None:
    """Adam for one expert, with the moments and the number of steps that lie in the row behind the weights."""
    steps_B = _steps(sizes, at)
    steps_B.add_(finite_B)
    weights, gradients, first, second = ([each_BIO[0] for each_BIO in of] for of in zip(*_with_moments(sizes, at), strict=True))
    torch._fused_adamw_(  # pyright: ignore[reportPrivateImportUsage]  # the kernel behind torch.optim.AdamW(fused=True)
        weights,
        gradients,
        first,
        second,
        [],
        [steps_B[0], steps_B[0]],
        lr=rate,
        beta1=_BETAS[0],
        beta2=_BETAS[1],
        weight_decay=0.0,
        eps=_EPSILON,
        amsgrad=False,
        maximize=False,
        found_inf=(~finite_B[0]).float(),
    )


def _adam_each(sizes: Sizes, at: Place, rate: float, finite_B: Tensor) -> None:
    """The same for several, written out; in the memory of the gradients, which end with it."""
    steps_B = _steps(sizes, at)
    steps_B.add_(finite_B)
    moved_B11 = _by_expert(finite_B.to(steps_B.dtype))
    first_left_B, second_left_B = (1 - beta ** steps_B.clamp(min=1.0) for beta in _BETAS)  # who never had a finite one has no step
    stride_B11 = _by_expert(torch.where(finite_B, first_left_B / -rate, torch.inf))
    for weights, gradient, first, second in _with_moments(sizes, at):
        first.lerp_(gradient, (1 - _BETAS[0]) * moved_B11)
        second.lerp_(gradient.square_(), (1 - _BETAS[1]) * moved_B11)
        length = torch.sqrt(second, out=gradient).mul_(_by_expert(second_left_B.rsqrt())).add_(_EPSILON)
        weights.addcdiv_(first, length.mul_(stride_B11))


def _with_moments(sizes: Sizes, at: Place) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Each of both matrices, its gradient and its moments."""
    first, second = (weights_in(at.rows_BR[:, number * sizes.weights :], sizes) for number in (1, 2))
    yield at.in_BDF, at.d_in_BDF, first.in_GDF, second.in_GDF
    yield at.out_BFD, at.d_out_BFD, first.out_GFD, second.out_GFD


def _steps(sizes: Sizes, at: Place) -> Tensor:
    return at.rows_BR[:, 3 * sizes.weights]


def _by_expert(of_B: Tensor) -> Tensor:
    """One number an expert, beside its matrices: (B, 1, 1)."""
    return of_B[:, None, None]


_DIRECTIONS: dict[Change, Callable[[Place, Trace, Piece], None]] = {
    Change.DESCENT: _descent,
    Change.ADAM: _descent,
    Change.HEBB: _hebb,
    Change.OJA: _oja,
}
