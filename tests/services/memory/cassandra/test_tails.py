"""What a replica knows of the ends of logs."""

import numpy as np
import pytest
from tandem.memory.v1.memory_pb2 import Change, Filter, Pruned
from tandem_memory.cassandra.log.entries import Entry, Kind
from tandem_memory.cassandra.log.places import Place
from tandem_memory.cassandra.shelf.tails import _INDEXED_AT_ONCE, Room, Tails

from tests.services.memory.driven import DIMENSION, record, vector

ONE, OTHER = "00000000000a.0", "00000000000b.0"
QUERY = np.array([[1, 0, 0, 0]], np.float32)
EVERYTHING = Filter()


@pytest.fixture
def tails() -> Tails:
    """Two logs that have begun."""
    made = Tails(DIMENSION, Room(most_bytes=1 << 30))
    for writer in (ONE, OTHER):
        made.begin(writer, 0, 0)
    return made


def entry(writer: str, position: int, at_us: int = 1) -> Entry:
    """A record, the further from the query the later it comes."""
    near = vector(1, position, 0, 0)
    body = record(str(position)).SerializeToString()
    return Entry(place=Place(writer, position), kind=Kind.RECORD, at_us=at_us, body=body, exact=near)


def near(tails: Tails, most: int = 100) -> list[Place]:
    (found,) = tails.near(QUERY, most, EVERYTHING)
    return found


def test_what_follows_is_later_than_all_that_is_known_of_other_logs(tails: Tails) -> None:
    """And not before what its own log has, whatever the clock says; where several logs have the latest moment it is later for each."""
    assert tails.moment_us(ONE, 100) == 100
    tails.learn(ONE, [entry(ONE, 1, 100)])
    assert (tails.moment_us(ONE, 7), tails.moment_us(OTHER, 7), tails.moment_us(OTHER, 500)) == (100, 101, 500)
    tails.learn(OTHER, [entry(OTHER, 1, 100)])
    assert (tails.moment_us(ONE, 100), tails.moment_us(OTHER, 100)) == (101, 101)
    tails.learn(OTHER, [entry(OTHER, 2, 101)])
    assert (tails.moment_us(ONE, 100), tails.moment_us(OTHER, 100)) == (102, 101)
    tails.settle(ONE, 1, 101)  # as another replica tells of a log
    assert tails.moment_us(OTHER, 100) == 102


@pytest.mark.parametrize("count", [1, 3, _INDEXED_AT_ONCE - 1, _INDEXED_AT_ONCE, 2 * _INDEXED_AT_ONCE + 5])
def test_all_that_is_young_is_found_at_once(tails: Tails, count: int) -> None:
    """However many came before somebody searched, and what comes after; not what is on all nodes by then, or was removed."""
    for position in range(1, count + 1):
        tails.learn(ONE, [entry(ONE, position)])
    assert near(tails, 2 * count) == [Place(ONE, position) for position in range(1, count + 1)]
    tails.learn(OTHER, [entry(OTHER, 1), entry(OTHER, 2)])
    assert set(near(tails, count + 9)) == {Place(OTHER, 1), Place(OTHER, 2), *(Place(ONE, position) for position in range(1, count + 1))}
    tails.settle(ONE, count, 1)
    assert near(tails) == [Place(OTHER, 1), Place(OTHER, 2)]


def test_what_settles_or_is_removed_before_anybody_searches_is_not_found(tails: Tails) -> None:
    """And holds no memory."""
    tails.learn(ONE, [entry(ONE, position) for position in (1, 2, 3)])
    tails.settle(ONE, 2, 1)
    pruned = Change(pruned=Pruned(ids=[str(Place(ONE, 3))])).SerializeToString()
    tails.learn(OTHER, [Entry(place=Place(OTHER, 1), kind=Kind.CHANGE, at_us=2, body=pruned)])
    assert (tails.young, tails._room.held_bytes, near(tails)) == (0, 0, [])
    tails.learn(ONE, [entry(ONE, 4)])
    assert near(tails) == [Place(ONE, 4)]


def test_young_records_that_come_and_go_take_no_more_memory(tails: Tails) -> None:
    """Though nobody searches: what went is forgotten now and then."""
    for position in range(1, 20_001):
        tails.learn(ONE, [entry(ONE, position)])
        tails.settle(ONE, position - 1, 1)
    assert len(tails._places) < 10_000
    assert near(tails) == [Place(ONE, 20_000)]
