"""How large an expert is, how its numbers lie in a row, and what a run of experts needs of the device and of the host. Pure.

A row holds everything that travels with an expert: its two matrices and, for rules that have a memory, Adam's two moments and
the number of its steps. Parts begin at multiples of a cache line, and so does what each expert's pairs are worked on with: a product takes
the same course, to the last bit, wherever in a slot the row happens to lie, and whoever else shares the slot.
"""

from dataclasses import dataclass
from typing import Final

NUMBER_BYTES: Final = 4  # fp32: a row is the master copy
LINE: Final = 16  # numbers in a cache line of 64 bytes
PIECE: Final = 512  # pairs that are worked on at a time: enough for a product to run at full speed, few enough to stay in a cache
_SMALL: Final = 1 << 15  # numbers of a matrix: up to here it takes longer to begin a product than to make it, for few pairs
_TINY: Final = 400 // LINE  # numbers of a matrix: below, torch makes several products by another kernel than one, and to other bits
_FEW: Final = 64  # pairs
_TOGETHER: Final = 32  # experts: more in one product gain little (tests.bench.experts.schedule)
_SHARED: Final = 1 << 16  # numbers of a matrix, of all in a slot that they share: slots stay small beside what they are for
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
        return whole_lines(self.width * self.inner)

    @property
    def weights(self) -> int:
        """Numbers set aside for both."""
        return 2 * self.matrix

    @property
    def few(self) -> int:
        """Up to so many pairs of an expert are worked on side by side with those of its neighbours; none of large and of tiny ones."""
        return _FEW if _TINY <= self.width * self.inner <= _SMALL else 0

    @property
    def together(self) -> int:
        """How many share a slot where nobody says it."""
        return max(1, min(_TOGETHER, _SHARED // (self.width * self.inner)))

    @property
    def inner_lines(self) -> int:
        """Numbers set aside for what one pair has inside an expert: as many lines as that needs."""
        return whole_lines(self.inner)

    @property
    def row(self) -> int:
        """Numbers of a row."""
        return 3 * self.weights + LINE if self.moments else self.weights

    @property
    def row_bytes(self) -> int:
        """What one expert costs on the link, each way."""
        return self.row * NUMBER_BYTES

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
        group: Experts in a slot: 1 for large ones; small ones share a slot, and are worked on side by side.
        kept: Pairs of a window, token and expert, of which learning finds what answering has computed inside the expert; those that are
            worked on side by side are computed again.
    """

    streaming: int = 3
    hot: int = 0
    group: int = 1
    kept: int = 0

    @property
    def slots(self) -> int:
        """All slots."""
        return self.streaming + self.hot

    def abreast(self, sizes: Sizes) -> int:
        """Experts that are worked on side by side at most."""
        return min(self.group, PIECE // LINE) if sizes.few else 1

    def desk(self, sizes: Sizes) -> int:
        """Numbers of the working memory: gradients, and a piece on its way in, inside and out, with its errors."""
        return self.abreast(sizes) * sizes.weights + PIECE * (3 * sizes.width + 2 * sizes.inner_lines)

    def bytes(self, sizes: Sizes) -> int:
        """Device memory of all slots, of what is worked with, and of what is kept."""
        kept = KEPT_WINDOWS * self.kept * sizes.inner_lines
        return self.slots * self.group * sizes.row_bytes + (self.desk(sizes) + kept) * NUMBER_BYTES

    def passing_bytes(self, sizes: Sizes) -> int:
        """Host memory for those on their way from and to a disk: as many places as in all slots, each way."""
        return _WAYS * self.slots * self.group * sizes.row_bytes


def link_bytes(sizes: Sizes, *, learned: int, touched: int) -> tuple[int, int]:
    """What one pass moves to the device and back: `touched` experts that were not there come in, `learned` of them return."""
    return touched * sizes.row_bytes, learned * sizes.row_bytes


def whole_lines(numbers: int) -> int:
    """So many numbers, rounded up to whole cache lines."""
    return -(-numbers // LINE) * LINE
