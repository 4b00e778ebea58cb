"""What is asked for, and whether it can be had: all that could be wrong is found before anything starts. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from tandem_trainer.experts.proof.line import FEWEST_POINTS
from tandem_trainer.experts.sizes import Sizes
from tandem_trainer.host_memory import Limit
from tandem_trainer.refusal import Refusal

_FEWEST_WINDOWS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Sizes of what is measured, and for how long; `warm_up` windows come first and are not counted."""

    active: int
    width: int
    inner: int
    windows: int
    warm_up: int


def counts(words: str) -> tuple[int, ...]:
    """The numbers of experts, smallest first, each once.

    Raises:
        Refusal: when these are no numbers, or too few for a slope.
    """
    try:
        found = tuple(sorted({int(word) for word in words.split(",")}))
    except ValueError:
        message = f"--experts: {words!r} is no list of numbers: give them with commas, such as 8,16,32"
        raise Refusal(message) from None
    if len(found) < FEWEST_POINTS:
        message = f"--experts: {words} gives no slope with an interval: name {FEWEST_POINTS} different numbers, or more"
        raise Refusal(message)
    return found


def insist(wanted: Wanted, of: tuple[int, ...], *, host: Limit) -> None:
    """Make sure that it can be measured on a host with so much memory.

    Raises:
        Refusal: with what is wrong first.
    """
    for mistake in _mistakes(wanted, of, host):
        raise Refusal(mistake)


def _mistakes(wanted: Wanted, of: tuple[int, ...], host: Limit) -> Iterator[str]:
    fewest, most = of[0], of[-1]
    if fewest < 1:
        yield f"--experts: {fewest} is no number of experts: take 1 or more"
    if not 0 < wanted.active <= fewest:
        yield f"--active: {wanted.active} of {fewest} experts cannot see each token: take 1 to {fewest}"
    if wanted.width < 1 or wanted.width % 2:
        yield f"--width: {wanted.width} is no even number above zero: positions turn pairs of numbers"
    if wanted.inner < 1:
        yield f"--inner: {wanted.inner} is no width: take 1 or more"
    if wanted.windows < _FEWEST_WINDOWS:
        yield f"--windows: {wanted.windows} says nothing of how memory varies: take {_FEWEST_WINDOWS} or more"
    needed = Sizes(count=most, active=wanted.active, width=wanted.width, inner=wanted.inner).rows_bytes  # nothing is saved
    if needed > host.bytes:
        there = f"{needed:,} bytes of host memory, and {host.said_by} {host.bytes:,}"
        yield f"--experts: {most:,} of them need {there}: take fewer or smaller ones"
