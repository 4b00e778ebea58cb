"""Where experts are: all of them in rows on the host, a few in slots on the device. Both are made once and never grow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tandem_trainer.experts.moving.link import Link, on_host
from tandem_trainer.experts.moving.pieces import Piece
from tandem_trainer.experts.sizes import KEPT_WINDOWS, NUMBER_BYTES, PIECE, Room, Sizes
from tandem_trainer.tensors import bytes_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Views into a slot, by place G: both matrices, and the whole rows.

    Shapes: in_GDF (places, width, inner), out_GFD (places, inner, width), rows_GR (places, numbers of a row).
    """

    in_GDF: Tensor
    out_GFD: Tensor
    rows_GR: Tensor

    def at(self, places: slice) -> "Weights":
        """Those at some places."""
        return Weights(in_GDF=self.in_GDF[places], out_GFD=self.out_GFD[places], rows_GR=self.rows_GR[places])


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The part of the desk that a piece is worked on at, one expert beside the other.

    Shapes: x_BCD, error_BCD and answer_BCD (experts, rows, width), inside_BCF and inner_error_BCF (experts, rows, inner).
    """

    x_BCD: Tensor
    error_BCD: Tensor
    answer_BCD: Tensor
    inside_BCF: Tensor
    inner_error_BCF: Tensor


class Desk:
    """What experts are worked on with: gradients for those who are side by side, and room for a piece of the pairs that want them."""

    def __init__(self, sizes: Sizes, room: Room, device: torch.device) -> None:
        self.abreast = room.abreast(sizes)
        self._width, self._inner, self._inner_lines = sizes.width, sizes.inner, sizes.inner_lines
        self._gradients = torch.zeros(2, self.abreast * sizes.matrix, device=device)
        self._outside = torch.zeros(3, PIECE * sizes.width, device=device)
        self._inside = torch.zeros(2, PIECE * sizes.inner_lines, device=device)

    def gradients(self, count: int = 1) -> tuple[Tensor, Tensor]:
        """Those of so many experts, of either matrix: (count, width, inner) and (count, inner, width)."""
        used = self._width * self._inner
        # Each begins at whole lines, or the bits of an expert would follow from its place: vector units take what lies askew otherwise.
        d_in, d_out = self._gradients.unflatten(1, (self.abreast, -1))[:, :count, :used]
        return d_in.unflatten(1, (self._width, self._inner)), d_out.unflatten(1, (self._inner, self._width))

    def bench(self, piece: Piece) -> Bench:
        """Room for a piece."""
        experts, rows = len(piece.counts), piece.rows
        x, error, answer = self._outside[:, : experts * rows * self._width].view(3, experts, rows, self._width)
        # What one expert has inside may be kept instead, where it begins at whole lines; side by side nothing is, and bmm wants no gaps.
        step = self._inner if piece.abreast else self._inner_lines
        inside, inner_error = self._inside[:, : experts * rows * step].view(2, experts, rows, step)[..., : self._inner]
        return Bench(x_BCD=x, error_BCD=error, answer_BCD=answer, inside_BCF=inside, inner_error_BCF=inner_error)


class Slots:
    """Memory for experts on the device, for what they keep until they learn, and the desk there."""

    def __init__(self, sizes: Sizes, room: Room, device: torch.device) -> None:
        rows_SGR = torch.zeros(room.slots, room.group, sizes.row, device=device)
        self._slots = tuple(weights_in(rows_GR, sizes) for rows_GR in rows_SGR)
        self.desk = Desk(sizes, room, device)
        kept_WMF = torch.zeros(KEPT_WINDOWS, room.kept, sizes.inner_lines, device=device)
        self.kept_WMF = kept_WMF[..., : sizes.inner]
        """What is inside experts before the GELU, by window and pair: for the window that is learned from, and the one that is answered."""
        self.bytes = (rows_SGR.numel() + room.desk(sizes) + kept_WMF.numel()) * NUMBER_BYTES

    def __getitem__(self, slot: int) -> Weights:
        """The views into a slot."""
        return self._slots[slot]


class HostRows:
    """Rows in host memory: what comes and leaves is copied where it lies."""

    def __init__(self, sizes: Sizes, link: Link) -> None:
        self.rows_ER = on_host(sizes.count, sizes.row, link.device)
        self._sizes = sizes

    def begin(self, seed: int, share: float) -> None:
        """First weights, drawn expert by expert."""
        draw(self.rows_ER, self._sizes, share, torch.Generator().manual_seed(seed))

    def seen(self) -> memoryview:
        """All bytes."""
        return bytes_of(self.rows_ER)

    def refilled(self) -> Iterator[tuple[int, memoryview]]:
        """All at once."""
        yield 0, bytes_of(self.rows_ER)

    def expect(self, experts: Sequence[int]) -> None:
        """They are here."""

    def coming(self, slot: int, experts: Sequence[int]) -> Sequence[Tensor]:
        """The rows themselves."""
        del slot
        return [self.rows_ER[expert] for expert in experts]

    def leaving(self, slot: int, experts: Sequence[int]) -> Sequence[Tensor]:
        """The rows themselves."""
        return self.coming(slot, experts)

    def settle(self) -> None:
        """They are where they belong."""


def draw(rows_GR: Tensor, sizes: Sizes, share: float, generator: torch.Generator) -> None:
    """First weights for some experts, one after the other; `share` as `Rows.begin` has it."""
    weights = weights_in(rows_GR, sizes)
    for in_DF, out_FD in zip(weights.in_GDF, weights.out_GFD, strict=True):
        in_DF.normal_(std=sizes.width**-0.5, generator=generator)
        out_FD.normal_(std=(share / sizes.inner) ** 0.5, generator=generator)


def weights_in(rows_GR: Tensor, sizes: Sizes) -> Weights:
    """Both matrices at the head of each row, or of the rest of one: moments lie there as weights do."""
    used = sizes.width * sizes.inner
    first, second = rows_GR[:, :used], rows_GR[:, sizes.matrix : sizes.matrix + used]
    return Weights(
        in_GDF=first.unflatten(1, (sizes.width, sizes.inner)),
        out_GFD=second.unflatten(1, (sizes.inner, sizes.width)),
        rows_GR=rows_GR,
    )
