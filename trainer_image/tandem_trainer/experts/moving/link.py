"""The one file that knows what a device is: memory on both sides of the link, and three streams that run beside each other.

On a card (CUDA or ROCm, which torch spells the same) experts come in on one stream, compute on the current one and go out on a
third; events keep the order that a slot needs and no other. On a processor the twin does the same copies at once, so that what
is tested there is what runs on a card, but for the waiting.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Copies = Iterable[tuple[Tensor, Tensor]]
"""Pairs of where to and where from, each the row of an expert."""


@dataclass(slots=True, kw_only=True)
class Traffic:
    """Bytes that were copied since the beginning: to the device, and back."""

    bytes_in: int = 0
    bytes_out: int = 0


class Link(Protocol):
    """The way to the device and back."""

    device: torch.device
    traffic: Traffic

    def begin(self) -> None:
        """A pass begins: what went out before has arrived before anything comes in."""
        ...

    def bring(self, slot: int, copies: Copies) -> None:
        """Copy in, once the slot is free again."""
        ...

    @contextmanager
    def computing(self, slot: int) -> Iterator[None]:
        """Compute with what was brought."""
        ...

    def take_back(self, slot: int, copies: Copies) -> None:
        """Copy out what was computed."""
        ...

    def await_brought(self, slot: int) -> None:
        """Return when the host may overwrite what was brought into a slot."""
        ...

    def await_taken_back(self, slot: int) -> None:
        """Return when the host may look at what was taken back from a slot."""
        ...

    def finish(self) -> None:
        """The same of all slots."""
        ...


def link_to(device: torch.device, slots: int) -> Link:
    """The link to that device."""
    return _CardLink(device, slots) if device.type == "cuda" else _MemoryLink()


def on_host(rows: int, numbers: int, device: torch.device) -> Tensor:
    """Host memory that the device can copy from by itself: pinned where there is a card."""
    return torch.zeros(rows, numbers, pin_memory=device.type == "cuda")


class _MemoryLink:
    """Both sides are host memory: a copy is done when it is needed, so that caches still have it, and never later."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        self._coming: dict[int, Copies] = {}
        self.traffic = Traffic()

    def begin(self) -> None: ...

    def bring(self, slot: int, copies: Copies) -> None:
        self._coming[slot] = copies

    @contextmanager
    def computing(self, slot: int) -> Iterator[None]:
        self.traffic.bytes_in += _copied(self._coming.pop(slot, ()))
        yield

    def take_back(self, slot: int, copies: Copies) -> None:
        del slot
        self.traffic.bytes_out += _copied(copies)

    def await_brought(self, slot: int) -> None:
        assert slot not in self._coming, "what was brought has not been computed with yet"

    def await_taken_back(self, slot: int) -> None: ...

    def finish(self) -> None: ...


class _CardLink:
    """Three streams, and for each slot the moments after which it may be read or written again."""

    def __init__(self, device: torch.device, slots: int) -> None:
        self.device, self.traffic = device, Traffic()
        self._in, self._out = torch.cuda.Stream(device), torch.cuda.Stream(device)
        self._brought, self._computed, self._returned = ([torch.cuda.Event() for _ in range(slots)] for _ in range(3))

    def begin(self) -> None:
        self._in.wait_stream(self._out)

    def bring(self, slot: int, copies: Copies) -> None:
        with torch.cuda.stream(self._in):
            self._computed[slot].wait(self._in)
            self._returned[slot].wait(self._in)
            self.traffic.bytes_in += _copied(copies)
            self._brought[slot].record(self._in)

    @contextmanager
    def computing(self, slot: int) -> Iterator[None]:
        current = torch.cuda.current_stream(self.device)
        self._brought[slot].wait(current)
        yield
        self._computed[slot].record(current)

    def take_back(self, slot: int, copies: Copies) -> None:
        with torch.cuda.stream(self._out):
            self._computed[slot].wait(self._out)
            self.traffic.bytes_out += _copied(copies)
            self._returned[slot].record(self._out)

    def await_brought(self, slot: int) -> None:
        self._brought[slot].synchronize()

    def await_taken_back(self, slot: int) -> None:
        self._returned[slot].synchronize()

    def finish(self) -> None:
        self._out.synchronize()


def _copied(copies: Copies) -> int:
    """Copy, without waiting where a card does it; bytes."""
    copied = 0
    for to, source in _together(copies):
        to.copy_(source, non_blocking=True)
        copied += to.nbytes
    return copied


def _together(copies: Copies) -> Iterator[tuple[Tensor, Tensor]]:
    """The same, but rows that follow each other here and there are one copy: of small rows, a copy takes longer to begin than to make."""
    run = list[tuple[Tensor, Tensor]]()
    for copy in copies:
        if run and not all(map(_follows, run[-1], copy)):
            yield _one(run)
            run = []
        run.append(copy)
    if run:
        yield _one(run)


def _follows(before: Tensor, after: Tensor) -> bool:
    same = before.untyped_storage().data_ptr() == after.untyped_storage().data_ptr()
    return same and before.data_ptr() + before.nbytes == after.data_ptr()


def _one(run: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    (to, source), numbers = run[0], sum(to.numel() for to, _ in run)
    return to.as_strided((numbers,), (1,)), source.as_strided((numbers,), (1,))
