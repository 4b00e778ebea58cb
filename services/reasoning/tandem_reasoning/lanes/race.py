"""Makes a call, and makes it a second time elsewhere when it takes long: the first answer is taken, and the other call is hung up on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from tandem_reasoning.lanes.outcome import Answered, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Raced:
    """What came of one call or two.

    Attributes:
        outcome: Of the call that is taken: the first to answer; if neither did, of the first one.
        second: Whether that was the second call.
        other: What came of the other one; None when there was none, or it was hung up on.
        hung_up: Whether the other one was under way and hung up on: it may be billed, so what was reserved for it is booked.
        unused: Whether a second one was allowed and not made, since the first had come: its permit is given back.
    """

    outcome: Outcome
    second: bool = False
    other: Outcome | None = None
    hung_up: bool = False
    unused: bool = False


Ask = Callable[[], Awaitable[Outcome]]
"""Makes a call."""


async def raced(ask: Ask, *, after_s: float | None, again: Callable[[], Awaitable[Ask | None]]) -> Raced:
    """The answer of a call, or of a second one that is made when the first takes long.

    Args:
        ask: Makes the first call.
        after_s: How long the first has for itself; None is for as long as it takes.
        again: Asked then for the second call; gives None if there is to be none.
    """
    async with _Calls() as calls:
        first = calls.begin(ask)
        await asyncio.wait({first}, timeout=after_s)
        made = None if first.done() else await again()
        if made is None or first.done():
            return Raced(outcome=await first, unused=made is not None)
        second = calls.begin(made)
        return await _taken(first, second)


async def _taken(first: asyncio.Task[Outcome], second: asyncio.Task[Outcome]) -> Raced:
    await asyncio.wait({first, second}, return_when=asyncio.FIRST_COMPLETED)
    if not any(isinstance(call.result(), Answered) for call in (first, second) if call.done()):
        await asyncio.wait({first, second})  # one failed; the other may not
    ended = [call for call in (first, second) if call.done()]
    taken = next((call for call in ended if isinstance(call.result(), Answered)), first)
    other = second if taken is first else first
    told = other.result() if other.done() else None
    return Raced(outcome=taken.result(), second=taken is second, other=told, hung_up=told is None)


class _Calls:
    """Calls that end with their block, however it ends: nobody pays for an answer that nobody waits for."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[Outcome]] = []

    def begin(self, ask: Ask) -> asyncio.Task[Outcome]:
        async def made() -> Outcome:
            return await ask()

        self._tasks.append(asyncio.ensure_future(made()))
        return self._tasks[-1]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
