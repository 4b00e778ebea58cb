"""What a mixture has on the device, by formula: the same for any number of experts, but for what the router needs. Pure.

Between two windows there are the slots, the shared weights with Adam's two moments, and the window whose lesson experts still
have to learn. Within a window come gradients, scores and what is computed with; of those only the router's know the number of experts.
"""
# N tokens, K experts a token, E experts

from dataclasses import dataclass
from typing import Final

from tandem_trainer.experts.sizes import NUMBER_BYTES, Room, Sizes

_INDEX_BYTES: Final = 8  # int64
_KEPT: Final = 3  # a weight and its two moments
_LEARNING: Final = 4  # the same and the gradient
_MARKS_BYTES: Final = 1  # of bool
_BROKEN: Final = 3  # marks: who is, who could be, and who was not before
_ENDS: Final = 2  # how many pairs an expert has, and where they end
_STEP_BYTES: Final = 4  # Adam's counter, a scalar for each tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What there is.

    Attributes:
        sizes: The experts.
        room: Their places on the device.
        trunk: Weights that every token meets, without the router's.
        router: Weights of the router.
        trunk_tensors: How many tensors the former are.
        router_tensors: How many the latter.
        tokens: Tokens of a window.
        scores: Scores that the router gives each of them.
        waits: Whether a window's lesson is learned when the next one asks, and lies there until then.
    """

    sizes: Sizes
    room: Room
    trunk: int
    router: int
    trunk_tensors: int
    router_tensors: int
    tokens: int
    scores: int
    waits: bool

    @property
    def held_bytes(self) -> int:
        """Between two windows."""
        trunk = self.trunk * _KEPT * NUMBER_BYTES + self.trunk_tensors * _STEP_BYTES
        return self.room.bytes(self.sizes) + trunk + self._waiting_bytes + self.router_held_bytes

    @property
    def asked_bytes(self) -> int:
        """Between two answers of a model that learns nothing any more."""
        return self.room.bytes(self.sizes) + (self.trunk + self.router) * NUMBER_BYTES + self._marks_bytes

    @property
    def router_held_bytes(self) -> int:
        """Of those the router's: keys with moments, a handicap for each expert, and the mark of those that are unwell."""
        keys = self.router * _KEPT * NUMBER_BYTES + self.router_tensors * _STEP_BYTES
        return keys + self._marks_bytes

    @property
    def router_peak_bytes(self) -> int:
        """The most that it may need within a window: gradients, too, scores and theirs, and where pairs of each expert begin and end.

        Handicaps are drawn up anew when the latter are gone, for less.
        """
        of_each = _ENDS * _INDEX_BYTES + _BROKEN * _MARKS_BYTES
        grown = (_LEARNING - _KEPT) * self.router * NUMBER_BYTES + self.sizes.count * of_each
        return self.router_held_bytes + grown + 2 * self.tokens * self.scores * NUMBER_BYTES

    @property
    def resident_bytes(self) -> int:
        """Between two windows, were all experts on the device instead of passing through."""
        return self.held_bytes + self.sizes.count * self.sizes.row_bytes - self.room.slots * self.room.group * self.sizes.row_bytes

    @property
    def _marks_bytes(self) -> int:
        return self.sizes.count * (NUMBER_BYTES + _MARKS_BYTES)

    @property
    def _waiting_bytes(self) -> int:
        """What the experts read, the order of pairs, and the error of each."""
        if not self.waits:
            return 0
        pairs = self.tokens * self.sizes.active
        return (self.tokens + pairs) * self.sizes.width * NUMBER_BYTES + pairs * _INDEX_BYTES
