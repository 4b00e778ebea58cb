"""Names that are somebody's: the keys of records and of judgements, each for one place, decided by lightweight transactions.

A name is claimed for a place before anything is written there. So who finds a name claimed for a place where nothing is asks
whether its writer may still be about to write: one that gave itself up, or has not been heard of for longer than it may go
unheard, will not, and its place is emptied, for good and before anything that may be on its way, and then the name is free.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tandem_memory.backend import StoreUnavailableError
from tandem_memory.cassandra.cluster.asking import Asking
from tandem_memory.cassandra.log.entries import Entry, Kind
from tandem_memory.cassandra.log.places import Place

_LOOK_AGAIN_S = 0.02
_LOOK_AGAIN_AT_MOST_S = 0.5
_CAUTION = 16  # calls whose names are looked up after one of them was not new: so at most one in so many has a place cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it stands with a name.

    Attributes:
        holder: The place that it was claimed for; None when it never was.
        entry: What is there; None when the name is free.
    """

    holder: Place | None
    entry: Entry | None


@dataclass(slots=True)
class Novelty:
    """Whether the names of a call are likely to be new: then they are claimed without a look before, one statement of three.

    One that is not new has cost a place in a log by then, at which nothing is.
    """

    _caution: int = 0

    @property
    def likely(self) -> bool:
        """Whether they are."""
        return not self._caution

    def learn(self, *, known: bool) -> None:
        """How it was with a call: whether one of its names was somebody's."""
        self._caution = _CAUTION if known else max(self._caution - 1, 0)


class Claims:
    """The names of one namespace."""

    def __init__(self, asking: Asking, identity: str, ttl_s: int) -> None:
        """`ttl_s`: After so many seconds Cassandra forgets a name that is passing; with 0 never."""
        self._asking, self._identity, self._ttl_s = asking, identity, ttl_s

    async def holder(self, name: str) -> Place | None:
        """The place that a name is claimed for."""
        rows = await self._asking.one_of_many("SELECT place FROM claims WHERE identity = ? AND name = ?", self._identity, name)
        return Place.parsed(rows[0][0]) if rows and rows[0][0] else None

    async def take(self, name: str, place: Place, instead_of: Place | None, *, passing: bool) -> Place | None:
        """Claim a name that is held by `instead_of`, or by nobody; the place that it is claimed for then, None if that is not known."""
        held, ttl_s = str(instead_of) if instead_of else None, self._ttl_s if passing else 0
        cql = "UPDATE claims USING TTL ? SET place = ? WHERE identity = ? AND name = ? IF place = ?"
        won, there = await self._asking.decided(cql, ttl_s, str(place), self._identity, name, held)
        if won:
            return place
        if there and there[-1]:
            return Place.parsed(there[-1])
        return None if instead_of is None else await self.take(name, place, None, passing=passing)  # it was let go meanwhile

    async def release(self, name: str, place: Place) -> None:
        """Let a name go, if it is claimed for this place."""
        await self._asking.decided("DELETE FROM claims WHERE identity = ? AND name = ? IF place = ?", self._identity, name, str(place))


class Awaiting:
    """Finds out how it stands with names, and waits where somebody is about to write.

    Args:
        claims: The names.
        read: What is at a place.
        given_up: Whether the writer of a place will never write there.
        empty: Empties a place for good.
        patience_s: How long to wait for somebody who may be about to write.
    """

    def __init__(
        self,
        claims: Claims,
        *,
        read: Callable[[Place], Awaitable[Entry | None]],
        given_up: Callable[[Place], Awaitable[bool]],
        empty: Callable[[Place], Awaitable[None]],
        patience_s: float,
    ) -> None:
        self._claims, self._read, self._given_up, self._empty = claims, read, given_up, empty
        self._patience_s = patience_s

    async def standing(self, name: str) -> Standing:
        """How it stands with a name.

        Raises:
            StoreUnavailableError: when somebody claimed it and can neither be waited for nor be given up.
        """
        pause_s, clock = _LOOK_AGAIN_S, asyncio.get_running_loop().time
        give_up_s = clock() + self._patience_s
        while clock() < give_up_s:
            holder = await self._claims.holder(name)
            if holder is None:
                return Standing(holder=None, entry=None)
            gone = await self._given_up(holder)  # asked before the look: what it wrote, it wrote before
            entry = await self._read(holder)
            if entry is not None:
                return Standing(holder=holder, entry=None if entry.kind == Kind.NOTHING else entry)
            if gone:
                await self._empty(holder)
                continue
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LOOK_AGAIN_AT_MOST_S)
        msg = f"{name!r} is being written by another replica, which is slow or gone; send it again"
        raise StoreUnavailableError(msg)
