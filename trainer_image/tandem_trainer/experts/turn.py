"""What is done in one pass: experts learn from a window whose errors are known by now, then answer for the next one.

A visit is worked on in pieces of a fixed size, with memory that was set aside once: however many tokens chose an expert.
"""
# capitals in the names of tensors are their shapes: N tokens, K experts a token, D width, P pairs, M pairs kept, F inner width, E experts

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from tandem_trainer.experts.learning import expert
from tandem_trainer.experts.learning.change import gather, learn, place
from tandem_trainer.experts.learning.pairs import Pairs
from tandem_trainer.experts.learning.rules import Change
from tandem_trainer.experts.moving.pieces import Part, Piece, pieces
from tandem_trainer.experts.moving.schedule import Visit
from tandem_trainer.experts.moving.slots import Desk, Weights
from tandem_trainer.experts.sizes import PIECE, Sizes


@dataclass(slots=True, kw_only=True)
class Window:
    """Tokens that experts are asked about: what they answered, and, once it is known, how far off that was, a pair."""

    x_ND: Tensor
    pairs: Pairs
    of_pairs_PD: Tensor
    rate: float = 0.0
    kept_MF: Tensor | None = None
    """Memory for what is inside experts before the GELU, of the first M pairs in their order."""

    def memory(self, visit: Visit, piece: Piece) -> expert.Kept:
        """That of each part of a piece; None for parts that do not fit in."""
        return [self._memory(visit.experts[part.place], part) for part in piece.parts]

    def _memory(self, number: int | None, part: Part) -> Tensor | None:
        if self.kept_MF is None or number is None:
            return None
        begin = self.pairs.begins[number] + part.begin
        end = begin + part.own.stop - part.own.start
        return self.kept_MF[begin:end] if end <= len(self.kept_MF) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """How experts of `sizes` change, and how long a gradient may be; zero for any length."""

    sizes: Sizes
    change: Change
    clip: float


class Turn:
    """Experts learn from `taught` and answer for `asked`; those whose gradient was no number are marked in `unwell_E`."""

    def __init__(self, practice: Practice, unwell_E: Tensor, *, taught: Window | None = None, asked: Window | None = None) -> None:
        self._practice, self.unwell_E, self.taught, self.asked = practice, unwell_E, taught, asked
        self.passed_on_PD: Tensor | None = None
        """Where errors go that are passed on to the tokens, if they are wanted."""

    @property
    def learning(self) -> Collection[int]:
        """Experts that `taught` is about."""
        return self.taught.pairs.touched if self.taught else ()

    @property
    def answering(self) -> Collection[int]:
        """Experts that `asked` is about."""
        return self.asked.pairs.touched if self.asked else ()

    def work(self, visit: Visit, weights: Weights, desk: Desk) -> None:
        """What the experts of a visit have to do, in the place where they are."""
        if visit.learns:
            self._learn(visit, weights, desk)
        if visit.answers:
            self._answer(visit, weights, desk)

    def _answer(self, visit: Visit, weights: Weights, desk: Desk) -> None:
        assert self.asked is not None
        for piece, pairs_P, x_PD in _read(self.asked, visit, visit.answers, desk):
            answers_PD = expert.answers(x_PD, weights, piece.parts, desk, memory=self.asked.memory(visit, piece))
            self.asked.of_pairs_PD.index_copy_(0, pairs_P, answers_PD)

    def _learn(self, visit: Visit, weights: Weights, desk: Desk) -> None:
        assert self.taught is not None
        for piece, pairs_P, x_PD in _read(self.taught, visit, visit.learns, desk):
            error_PD = torch.index_select(self.taught.of_pairs_PD, 0, pairs_P, out=desk.error_CD[: len(pairs_P)])
            traced = expert.trace(x_PD, error_PD, weights, piece.parts, desk, memory=self.taught.memory(visit, piece))
            if self.passed_on_PD is not None:
                self.passed_on_PD.index_copy_(0, pairs_P, expert.input_errors(traced, weights, piece.parts, desk))
            self._change(visit, weights, desk, piece, traced)

    def _change(self, visit: Visit, weights: Weights, desk: Desk, piece: Piece, traced: expert.Trace) -> None:
        assert self.taught is not None
        how = self._practice
        for part in piece.parts:
            at = place(weights, part.place, desk.gradient)
            gather(how.change, at, traced.part(part.own), part)
            if part.last:
                finite = learn(how.change, how.sizes, at, rate=self.taught.rate, clip=how.clip)
                self.unwell_E[visit.experts[part.place]] |= ~finite


def _read(window: Window, visit: Visit, places: Collection[int], desk: Desk) -> Iterator[tuple[Piece, Tensor, Tensor]]:
    """Pairs of a window of those at `places`, by pieces: their numbers, and what their experts read."""
    pairs_P, ends = window.pairs.of(expert if place in places else None for place, expert in enumerate(visit.experts))
    for piece in pieces(ends, PIECE):
        own_P = pairs_P[piece.begin : piece.end]
        yield piece, own_P, torch.index_select(window.x_ND, 0, own_P // window.pairs.active, out=desk.x_CD[: len(own_P)])
