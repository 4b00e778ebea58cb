"""What an expert computes, forwards and backwards, written out: two matrices around a GELU, for one expert or for several side by side.

Learning needs what was inside before the GELU. Where there is memory for it, answering keeps it; elsewhere it is computed again, to the
same bits, which is one product of six and saves the activations of a window. All other results lie on the bench, and last until it is used
again.
"""
# capitals in the names of tensors are their shapes: B experts, C rows of each, D width, F inner width, I and O either of them

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from tandem_trainer.experts.moving.slots import Bench, Weights

_aten = torch.ops.aten  # GELU and its derivative into memory of ours have no other name


def answers(weights: Weights, bench: Bench, *, kept_BCF: Tensor | None) -> Tensor:
    """What experts make of the tokens on their bench; what is inside before the GELU is left in the memory that is given for it."""
    inside_BCF = bench.inside_BCF
    before_BCF = product(bench.x_BCD, weights.in_GDF, out=inside_BCF if kept_BCF is None else kept_BCF)
    _aten.gelu(before_BCF, out=inside_BCF)
    return product(inside_BCF, weights.out_GFD, out=bench.answer_BCD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What learning needs of a forward and a backward pass: on the way in, inside, and the error at both ends.

    A rule may write into `answer_BCD`, where answers lay, and, once it needs the inner error no more, there.
    """

    x_BCD: Tensor
    inside_BCF: Tensor
    error_BCD: Tensor
    inner_error_BCF: Tensor
    answer_BCD: Tensor

    @classmethod
    def of(cls, weights: Weights, bench: Bench, *, kept_BCF: Tensor | None) -> Self:
        """Both passes for what lies on the bench, tokens and errors of answers; `kept_BCF` is what answering was given for the same."""
        inside_BCF = bench.inside_BCF
        back_BCF = product(bench.error_BCD, weights.out_GFD.transpose(1, 2), out=bench.inner_error_BCF)
        before_BCF = product(bench.x_BCD, weights.in_GDF, out=inside_BCF) if kept_BCF is None else kept_BCF
        _aten.gelu_backward(back_BCF, before_BCF, grad_input=back_BCF)
        _aten.gelu(before_BCF, out=inside_BCF)
        return cls(
            x_BCD=bench.x_BCD, inside_BCF=inside_BCF, error_BCD=bench.error_BCD, inner_error_BCF=back_BCF, answer_BCD=bench.answer_BCD
        )

    def input_errors(self, weights: Weights) -> Tensor:
        """The error passed on to the tokens themselves, for rules that let it through."""
        return product(self.inner_error_BCF, weights.in_GDF.transpose(1, 2), out=self.answer_BCD)


def product(left_BCI: Tensor, right_BIO: Tensor, *, out: Tensor) -> Tensor:
    """A product an expert, (B, C, O).

    Not torch's grouped one, for experts with as many rows as they like: of fp32 it is one product after the other, which on a card first
    waits for the device to say where groups end.
    """
    if len(out) == 1:
        torch.mm(left_BCI[0], right_BIO[0], out=out[0])
    else:
        torch.bmm(left_BCI, right_BIO, out=out)
    return out
