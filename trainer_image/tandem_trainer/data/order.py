"""Which samples a step learns from: a function of the step's number alone, whatever the number of ranks.

Samples are visited in a random order, each once an epoch. The order is a permutation that is computed and never stored: a
Feistel network over the next power of four, walked again for numbers that fall outside (Black and Rogaway 2002, "Ciphers
with arbitrary finite domains"). So resuming at any step is free, and a step's samples do not depend on who takes them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tandem_trainer.data import draws

_ROUNDS = 6  # four make a pseudorandom permutation (Luby and Rackoff 1988); two more because small domains mix less


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The endless order in which `samples` are visited.

    Attributes:
        samples: How many there are, at least 1.
        seed: Chosen by people.
        stream: Keeps orders of one seed apart, such as those of two phases.
    """

    samples: int
    seed: int = 0
    stream: int = 0

    def share(self, step: int, *, batch: int, rank: int, ranks: int) -> NDArray[np.int64]:
        """Samples that `rank` takes in the step that follows `step` others of `batch` samples each: a contiguous part."""
        each = batch // ranks
        return self.visited(step * batch + rank * each, each)

    def visited(self, first: int, count: int) -> NDArray[np.int64]:
        """Samples visited at places `first` to `first + count` of the endless order."""
        parts: list[NDArray[np.int64]] = []
        while count > 0:
            epoch, place = divmod(first, self.samples)
            here = min(count, self.samples - place)
            parts.append(self._permuted(epoch, np.arange(place, place + here, dtype=np.uint64)))
            first, count = first + here, count - here
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    def _permuted(self, epoch: int, places: draws.Bits) -> NDArray[np.int64]:
        keys = [draws.key(self.seed, self.stream, epoch, number) for number in range(_ROUNDS)]
        half_bits = max(1, (self.samples - 1).bit_length() + 1 >> 1)
        walked = _feistel(places, keys, half_bits)
        while (outside := walked >= self.samples).any():
            walked[outside] = _feistel(walked[outside], keys, half_bits)
        return walked.astype(np.int64)


def _feistel(places: draws.Bits, keys: list[int], half_bits: int) -> draws.Bits:
    shift, mask = np.uint64(half_bits), np.uint64((1 << half_bits) - 1)
    left, right = places >> shift, places & mask
    for key in keys:
        left, right = right, left ^ (draws.draw(key, right) & mask)
    return (left << shift) | right
