"""What callers have written: names are looked up first, where they may be known, then everything is booked together."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from tandem.memory.v1.memory_pb2 import Judged, Record

from tandem_memory.backend import Appended, Pruning, Removed
from tandem_memory.cassandra.answers import answers
from tandem_memory.cassandra.log.entries import Kind
from tandem_memory.cassandra.log.places import Place
from tandem_memory.cassandra.shelf.shelf import Shelf
from tandem_memory.cassandra.writers import drafts
from tandem_memory.cassandra.writers.claims import Standing
from tandem_memory.cassandra.writers.drafts import key_name, told_first, told_name
from tandem_memory.cassandra.writers.lines import Draft

_AT_ONCE = 4096  # records that are removed together
_FREE = Standing(holder=None, entry=None)


async def append(shelf: Shelf, records: Sequence[Record], *, back: bool) -> Sequence[Appended]:
    """Take in records; of those under one key the first counts.

    Raises:
        UnsettledError: none was taken in.
    """
    shelf.check_room()
    done: dict[int, Appended] = {}
    firsts = _firsts([key_name(record.key) for record in records])
    left = list(firsts)
    look = not shelf.novelty.likely
    while left:
        standings = await _standings(shelf, [key_name(records[at].key) for at in left]) if look else {}
        fresh: dict[int, Standing] = {}
        for at in left:
            standing = standings.get(key_name(records[at].key), _FREE)
            if standing.entry is None:
                fresh[at] = standing
            else:
                done[at] = Appended(id=str(standing.holder), known=True)
        own = [drafts.record(shelf.log, records[at], fresh[at].holder, back=back) for at in fresh]
        booked = await shelf.ledgers.book(own) if own else ()
        done |= {at: Appended(id=str(each.place), known=False) for at, each in zip(fresh, booked, strict=True) if each.place}
        left, look = [at for at in left if at not in done], True  # they are not new, or somebody was faster
    if any(records[at].key for at in firsts):
        shelf.novelty.learn(known=any(each.known for each in done.values()))
    first_of = {records[at].key: at for at in firsts if records[at].key}
    return [done[at] if at in done else Appended(id=done[first_of[record.key]].id, known=True) for at, record in enumerate(records)]


async def judge(shelf: Shelf, judged: Sequence[Judged]) -> int:
    """Book judgements; how many were of records that are there and had not been told under their key."""
    of = await answers.known(shelf, (each.id for each in judged))
    entries = await shelf.log.kinds(set(of))
    there = {place for place, entry in entries.items() if entry.kind == Kind.RECORD}
    wanted = _firsts([told_name(each.key) for each in judged], [place in there for place in of])
    standings, forgotten_us = await _standings(shelf, [told_name(judged[at].key) for at in wanted]), shelf.forgotten_us
    new = list[Draft]()
    for at in wanted:
        name = told_name(judged[at].key)
        standing = standings.get(name, _FREE)
        if standing.entry is None or standing.entry.at_us < forgotten_us:
            before = [beside for beside in entries[of[at]].judged if beside.at_us < forgotten_us and told_first(beside.name) == name]
            new.append(drafts.judgement(shelf.log, judged[at], standing.holder, len(before)))
    return sum(booked.place is not None for booked in await shelf.ledgers.book(new)) if new else 0


async def prune(shelf: Shelf, pruning: Pruning) -> Removed:
    """Remove what is not worth its place."""
    chosen, kept = await answers.to_remove(shelf, pruning)
    gone = chosen
    if not pruning.dry_run:
        parts = (chosen[begin : begin + _AT_ONCE] for begin in range(0, len(chosen), _AT_ONCE))
        gone = [record for part in parts for record in await _remove(shelf, {Place.parsed(each.id): each for each in part})]
    return Removed(ids=[record.id for record in gone], sources=[record.source for record in gone], kept=kept)


async def _remove(shelf: Shelf, records: Mapping[Place, Record]) -> list[Record]:
    """Remove those that are still there, and let their keys go."""
    entries = await shelf.log.kinds(records)
    places = [place for place in records if place in entries and entries[place].kind == Kind.RECORD]
    await shelf.ledgers.book([draft for draft, _ in drafts.removals(shelf.log, places)])
    await shelf.log.forget_pieces(entries[place] for place in places)
    names = ((key_name(records[place].key), place) for place in places if records[place].key)
    # A key that is not let go leads to nothing, and is free all the same: this only spares the next one a look and a place.
    await asyncio.gather(*(shelf.claims.release(name, place) for name, place in names))
    return [records[place] for place in places]


async def _standings(shelf: Shelf, names: Iterable[str]) -> dict[str, Standing]:
    asked = [name for name in dict.fromkeys(names) if name]
    return dict(zip(asked, await asyncio.gather(*map(shelf.awaiting.standing, asked)), strict=True))


def _firsts(names: Sequence[str], counting: Sequence[bool] | None = None) -> list[int]:
    """The places in a list of names where each is for the first time, and of all that have none; only those that count."""
    seen, firsts = set[str](), list[int]()
    for at, name in enumerate(names):
        if (counting is None or counting[at]) and name not in seen:
            firsts.append(at)
            seen |= {name} - {""}
    return firsts
