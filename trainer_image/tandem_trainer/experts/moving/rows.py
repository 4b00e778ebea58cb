"""What all experts lie in while they are not on the device, wherever that is: rows on the host, which the mover copies from and to."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from torch import Tensor


class Rows(Protocol):
    """The rows of all experts, (count, numbers of a row)."""

    def begin(self, seed: int, share: float) -> None:
        """First weights: variance is kept on the way in, and `share` of it on the way out, so that experts begin as small additions."""
        ...

    def seen(self) -> memoryview:
        """All bytes of all rows, to be read before anybody changes them."""
        ...

    def refilled(self) -> Iterator[tuple[int, memoryview]]:
        """Bytes of rows to be overwritten, some experts at a time, each with its first expert; kept when the next ones are asked for."""
        ...

    def expect(self, experts: Sequence[int]) -> None:
        """These will soon be asked for."""
        ...

    def coming(self, slot: int, experts: Sequence[int]) -> Sequence[Tensor]:
        """What the rows of `experts` can be copied from, into that slot."""
        ...

    def leaving(self, slot: int, experts: Sequence[int]) -> Sequence[Tensor]:
        """What the rows of `experts` can be copied to, out of that slot."""
        ...

    def settle(self) -> None:
        """Return when all that left is where it belongs."""
        ...
