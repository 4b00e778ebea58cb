"""Random numbers without a state: each is a hash of what it is for, so any of them can be had at any time, in any order.

The hash is splitmix64's finaliser (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators"), whose
every output bit depends on every input bit.
"""

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint64]
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB
_WORD = (1 << 64) - 1


def key(*numbers: int) -> int:
    """One 64-bit key out of several numbers, different for each list of them."""
    mixed = 0
    for number in numbers:
        mixed = int(draw(mixed, np.array([number & _WORD], dtype=np.uint64))[0])
    return mixed


def draw(key: int, counters: Bits) -> Bits:
    """64 random bits for each counter."""
    bits = (counters + np.uint64(1)) * np.uint64(_GOLDEN) ^ np.uint64(key)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(_FIRST)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(_SECOND)
    return bits ^ (bits >> np.uint64(31))


def shares(key: int, counters: Bits) -> NDArray[np.float64]:
    """A number in [0, 1) for each counter."""
    return (draw(key, counters) >> np.uint64(11)).astype(np.float64) * np.float64(2.0**-53)
