"""What is done in one pass: experts learn from a window whose errors are known by now, then answer for the next one.

A visit is worked on in pieces of a fixed size, with memory that was set aside once: however many tokens chose an expert.
"""
# capitals in the names of tensors are their shapes: N tokens, K experts a token, D width, P pairs, M pairs kept, F inner width, E experts

from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from tandem_trainer.experts.learning import expert
from tandem_trainer.experts.learning.change import gather, learn, place
from tandem_trainer.experts.learning.pairs import Pairs
from tandem_trainer.experts.learning.rules import Change
from tandem_trainer.experts.learning.threads import one_thread
from tandem_trainer.experts.moving.pieces import Piece, pieces
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

    def memory(self, experts: Sequence[int], piece: Piece) -> Tensor | None:
        """That of a piece; None where it does not fit in, or is of experts side by side."""
        if self.kept_MF is None or piece.abreast:
            return None
        begin = self.pairs.begins[experts[0]] + piece.begin
        end = begin + piece.rows
        return self.kept_MF[begin:end].unsqueeze(0) if end <= len(self.kept_MF) else None


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
        asked = self.asked
        assert asked is not None
        for piece, experts in self._pieces(asked, visit, visit.answers, desk):
            bench, spans = desk.bench(piece), asked.pairs.spans(experts, piece)
            _read(asked.x_ND, _filled(spans, piece.rows) // asked.pairs.active, bench.x_BCD)
            answer_BCD = expert.answers(weights.at(piece.places), bench, kept_BCF=asked.memory(experts, piece))
            _write(asked.of_pairs_PD, spans, answer_BCD, spare_BCD=bench.error_BCD)

    def _learn(self, visit: Visit, weights: Weights, desk: Desk) -> None:
        taught, how = self.taught, self._practice
        assert taught is not None
        for piece, experts in self._pieces(taught, visit, visit.learns, desk):
            bench, spans, learning = desk.bench(piece), taught.pairs.spans(experts, piece), weights.at(piece.places)
            at = place(learning, desk)
            filled_P = _filled(spans, piece.rows)
            _read(taught.x_ND, filled_P // taught.pairs.active, bench.x_BCD)
            _read(taught.of_pairs_PD, filled_P, bench.error_BCD)
            _silence(bench.error_BCD, piece.counts)
            traced = expert.Trace.of(learning, bench, kept_BCF=taught.memory(experts, piece))
            gather(how.change, at, traced, piece)
            if self.passed_on_PD is not None:
                _write(self.passed_on_PD, spans, traced.input_errors(learning), spare_BCD=bench.x_BCD)
            if piece.last:
                self._mark(experts, learn(how.change, how.sizes, at, piece, rate=taught.rate, clip=how.clip))

    def _pieces(self, window: Window, visit: Visit, places: Collection[int], desk: Desk) -> Iterator[tuple[Piece, Sequence[int]]]:
        """What of a window those at `places` have to do, by pieces, and whose they are."""
        there = [each if place in places else None for place, each in enumerate(visit.experts)]
        for piece in pieces(list(map(window.pairs.count, there)), most=PIECE, few=self._practice.sizes.few, abreast=desk.abreast):
            with one_thread() if piece.abreast else nullcontext():
                yield piece, [each for each in there[piece.places] if each is not None]

    def _mark(self, experts: Sequence[int], finite_B: Tensor) -> None:
        if len(experts) == 1:
            self.unwell_E[experts[0]].logical_or_(~finite_B[0])
            return
        on_card = self.unwell_E.device.type == "cuda"  # which then takes the numbers when it comes to them, and nobody waits
        which_B = torch.tensor(experts, pin_memory=on_card).to(self.unwell_E.device, non_blocking=True)
        self.unwell_E.index_copy_(0, which_B, self.unwell_E.index_select(0, which_B) | ~finite_B)


def _filled(spans: Sequence[Tensor], rows: int) -> Tensor:
    """The pairs of each expert, filled up to so many by its first one."""
    if len(spans) == 1 and len(spans[0]) == rows:
        return spans[0]
    return torch.cat([part for own_P in spans for part in (own_P, own_P[:1].expand(rows - len(own_P)))])


def _read(of_PD: Tensor, which_P: Tensor, into_BCD: Tensor) -> None:
    torch.index_select(of_PD, 0, which_P, out=into_BCD.flatten(0, 1))


def _silence(error_BCD: Tensor, counts: Sequence[int]) -> None:
    """What fills up the rows of an expert teaches nothing."""
    fillings = [own_CD[count:] for own_CD, count in zip(error_BCD, counts, strict=True) if count < len(own_CD)]
    if fillings:
        torch._foreach_zero_(fillings)  # pyright: ignore[reportPrivateImportUsage]


def _write(to_PD: Tensor, spans: Sequence[Tensor], rows_BCD: Tensor, *, spare_BCD: Tensor) -> None:
    """Put each pair's row where it belongs; those of several experts are brought together in `spare_BCD` first."""
    own = [own_CD[: len(own_P)] for own_P, own_CD in zip(spans, rows_BCD, strict=True)]
    if len(spans) == 1:
        to_PD.index_copy_(0, spans[0], own[0])
        return
    together_PD = spare_BCD.flatten(0, 1)[: sum(map(len, spans))]
    to_PD.index_copy_(0, torch.cat(list(spans)), torch.cat(own, out=together_PD))
