"""How large an expert is, how its numbers lie in a row, and what a run of experts needs of the device and of the host. Pure.

A row holds everything that travels with an expert: its two matrices and, for rules that have a memory, Adam's two moments and
the number of its steps. Parts begin at multiples of a cache line, and so does what each pair is worked on with: a product takes the same
course, to the last bit, wherever in a slot the row happens to lie, and whoever else shares the slot.
"""

from dataclasses import dataclass
from typing import Final

NUMBER_BYTES: Final = 4  # fp32: a row is the master copy
_LINE: Final = 16  # numbers in a cache line of 64 bytes
PIECE: Final = 512  # pairs that are worked on at a time: enough for a product to run at full speed, few enough to stay in a cache
KEPT_WINDOWS: Final = 2  # an expert answers for one window before others have learned from the one before
STAGED: Final = 2  # generations that a checkpoint is staged in (checkpoint/staging.py)
_WAYS: Final = 2  # from the disk and back


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """`count` experts of two matrices, (width, inner) and (inner, width); `active` of them see each token.

    Attributes:
        count: All experts.
        active: Experts that a token is sent to.
        width: Width of the stream they read and write.
        inner: Width inside an expert.
        moments: Whether Adam's moments travel with the weights.
    """

    count: int
    active: int
    width: int
    inner: int
    moments: bool = False

    @property
    def matrix(self) -> int:
        """Numbers set aside for one of the two matrices."""
        return _whole_lines(self.width * self.inner)

    @property
    def weights(self) -> int:
        """Numbers set aside for both."""
        return 2 * self.matrix

    @property
    def width_lines(self) -> int:
        """Numbers set aside for what one pair has outside an expert: as many lines as that needs."""
        return _whole_lines(self.width)

    @property
    def inner_lines(self) -> int:
        """The same inside."""
        return _whole_lines(self.inner)

    @property
    def row(self) -> int:
        """Numbers of a row."""
        return 3 * self.weights + _LINE if self.moments else self.weights

    @property
    def row_bytes(self) -> int:
        """What one expert costs on the link, each way."""
        return self.row * NUMBER_BYTES

    @property
    def desk(self) -> int:
        """Numbers of the working memory: a gradient, and a piece on its way in, inside and out, with its errors."""
        return self.weights + PIECE * (3 * self.width_lines + 2 * self.inner_lines)

    @property
    def parameters(self) -> int:
        """Weights of all experts together."""
        return self.count * 2 * self.width * self.inner

    @property
    def rows_bytes(self) -> int:
        """Host memory of all rows."""
        return self.count * self.row_bytes

    @property
    def staged_bytes(self) -> int:
        """Host memory, or disk, that a run needs: its rows, and their copies for each generation of a checkpoint under way."""
        return self.rows_bytes * (1 + STAGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Places for experts on the device: their number does not depend on how many experts there are.

    Attributes:
        streaming: Slots that experts pass through: at least one each for what comes in, computes and goes out.
        hot: Slots whose experts stay.
        group: Experts in a slot: 1 for large ones; small ones share a slot and the pieces of pairs that are worked on.
        kept: Pairs of a window, token and expert, of which learning finds what answering has computed inside the expert.
    """

    streaming: int = 3
    hot: int = 0
    group: int = 1
    kept: int = 0

    @property
    def slots(self) -> int:
        """All slots."""
        return self.streaming + self.hot

    def bytes(self, sizes: Sizes) -> int:
        """Device memory of all slots, of what is worked with, and of what is kept."""
        kept = KEPT_WINDOWS * self.kept * sizes.inner_lines
        return self.slots * self.group * sizes.row_bytes + (sizes.desk + kept) * NUMBER_BYTES

    def passing_bytes(self, sizes: Sizes) -> int:
        """Host memory for those on their way from and to a disk: as many places as in all slots, each way."""
        return _WAYS * self.slots * self.group * sizes.row_bytes


def link_bytes(sizes: Sizes, *, learned: int, touched: int) -> tuple[int, int]:
    """What one pass moves to the device and back: `touched` experts that were not there come in, `learned` of them return."""
    return touched * sizes.row_bytes, learned * sizes.row_bytes


def _whole_lines(numbers: int) -> int:
    return -(-numbers // _LINE) * _LINE
