"""The chance of an item: uniform numbers that its own name and the run's give, the same on every machine and after every restart.

So whether an item is held out from the memory or asked of both lanes does not depend on when it came up, on who asks, or on how
it went: the two groups differ in nothing else.
"""

import hashlib

HOLD_OUT = 0.05  # of items answered without memory; more would cost more of what memory gains than the interval gets narrower

_BITS = 53  # of a float's mantissa


def uniform(run_uid: str, item: str, purpose: str) -> float:
    """A number from 0 to less than 1; numbers for different purposes have nothing to do with each other."""
    fields = (text.encode("utf-8", "surrogatepass") for text in (run_uid, item, purpose))
    digest = hashlib.sha256(b"".join(len(each).to_bytes(8, "big") + each for each in fields)).digest()
    return (int.from_bytes(digest[:8], "big") >> (64 - _BITS)) / (1 << _BITS)


def held_out(run_uid: str, item: str, *, share: float = HOLD_OUT) -> bool:
    """Whether an item is answered without memory, so that what memory is worth can be measured."""
    return uniform(run_uid, item, "hold-out") < share
