"""What the shared memory gives up: first what did harm, then what was recalled longest ago.

How well later questions went that recalled a record is a label that costs nothing (arXiv 2505.16067).
"""

from collections.abc import Sequence
from dataclasses import dataclass

_TRIALS = 3  # uses before harm is believed: one bad day is chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A record of the memory.

    Attributes:
        id: Its id.
        times: How often somebody said how it went with it.
        gain: Sum of the gains told, each -1 to 1.
        last_used: Place in the order of recalls when it was last recalled; when it was taken in, if never.
    """

    id: str
    times: int = 0
    gain: float = 0.0
    last_used: int = 0


def harmful(record: Kept, *, trials: int = _TRIALS) -> bool:
    """Whether a record did more harm than good, often enough to be believed."""
    return record.times >= trials and record.gain < 0


def evicted(records: Sequence[Kept], *, keep: int) -> tuple[str, ...]:
    """Ids of those that go: all harmful ones, then the ones recalled longest ago until `keep` are left."""
    harming = [record.id for record in records if harmful(record)]
    useful = sorted((record for record in records if not harmful(record)), key=lambda record: (record.last_used, record.gain, record.id))
    return (*harming, *(record.id for record in useful[: max(len(useful) - keep, 0)]))
