"""What an expert computes, forwards and backwards, written out: two matrices around a GELU, for the experts of a piece together.

Learning needs what was inside before the GELU. Where there is memory for it, answering keeps it; elsewhere it is computed again, to the
same bits, which is one product of six and saves the activations of a window. All other results lie on the desk, and last until it is used
again.
"""
# capitals in the names of tensors are their shapes: P pairs of a piece or of a part of it, G experts of the slot, D width, F inner width

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tandem_trainer.experts.moving.pieces import Part
from tandem_trainer.experts.moving.slots import Desk, Weights

_aten = torch.ops.aten  # GELU and its derivative into memory of ours have no other name

Kept = Sequence[Tensor | None]
"""Where what is inside before the GELU is kept until it is learned from, (P, F) for each part; None for those that have no room."""


def answers(x_PD: Tensor, weights: Weights, parts: Sequence[Part], desk: Desk, *, memory: Kept) -> Tensor:
    """What experts make of their tokens; what is inside before the GELU is left in the memory of each part that has one."""
    for part, kept_PF in zip(parts, memory, strict=True):
        inside_PF = desk.inside_CF[part.own]
        before_PF = torch.mm(x_PD[part.own], weights.in_GDF[part.place], out=inside_PF if kept_PF is None else kept_PF)
        _aten.gelu(before_PF, out=inside_PF)
    return _products(desk.inside_CF[: len(x_PD)], weights.out_GFD, parts, desk.answer_CD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What learning needs of a forward and a backward pass: on the way in, inside, and the error at both ends.

    A rule may write into `answer_PD`, where answers lay, and, once it needs the inner error no more, there.
    """

    x_PD: Tensor
    inside_PF: Tensor
    error_PD: Tensor
    inner_error_PF: Tensor
    answer_PD: Tensor

    def part(self, own: slice) -> "Trace":
        """Of some pairs only; views."""
        return Trace(
            x_PD=self.x_PD[own],
            inside_PF=self.inside_PF[own],
            error_PD=self.error_PD[own],
            inner_error_PF=self.inner_error_PF[own],
            answer_PD=self.answer_PD[own],
        )


def trace(x_PD: Tensor, error_PD: Tensor, weights: Weights, parts: Sequence[Part], desk: Desk, *, memory: Kept) -> Trace:
    """Both passes for tokens whose answers were off by `error_PD`; `memory` is what answering was given for the same parts."""
    back_PF = _products(error_PD, weights.out_GFD.transpose(1, 2), parts, desk.inner_error_CF)
    for part, kept_PF in zip(parts, memory, strict=True):
        inside_PF, inner_error_PF = desk.inside_CF[part.own], back_PF[part.own]
        before_PF = torch.mm(x_PD[part.own], weights.in_GDF[part.place], out=inside_PF) if kept_PF is None else kept_PF
        _aten.gelu_backward(inner_error_PF, before_PF, grad_input=inner_error_PF)
        _aten.gelu(before_PF, out=inside_PF)
    inside_PF, answer_PD = desk.inside_CF[: len(x_PD)], desk.answer_CD[: len(x_PD)]
    return Trace(x_PD=x_PD, inside_PF=inside_PF, error_PD=error_PD, inner_error_PF=back_PF, answer_PD=answer_PD)


def input_errors(traced: Trace, weights: Weights, parts: Sequence[Part], desk: Desk) -> Tensor:
    """The error passed on to the tokens themselves, for rules that let it through."""
    return _products(traced.inner_error_PF, weights.in_GDF.transpose(1, 2), parts, desk.answer_CD)


def _products(x_PI: Tensor, weights_GIO: Tensor, parts: Sequence[Part], out_CO: Tensor) -> Tensor:
    """One product an expert.

    Not torch's grouped one: of fp32 it is the same loop, which on a card first waits for the device to say where groups end.
    """
    for part in parts:
        torch.mm(x_PI[part.own], weights_GIO[part.place], out=out_CO[part.own])
    return out_CO[: len(x_PI)]
