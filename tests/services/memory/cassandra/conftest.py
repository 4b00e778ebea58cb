"""Memories on a real cluster of three nodes, which is started once."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import pytest
from tandem_memory.cassandra import Clustered, Link, Manners, Patience

from tests.parts.cassandra_cluster import CassandraCluster
from tests.services.memory.driven import Clock, Driven
from tests.services.memory.elsewhere import Elsewhere

MANNERS = Manners(quiet=0.02, poll=0.02, lease=600)  # which no machine is too slow for


@pytest.fixture(scope="session")
def link(cassandra: CassandraCluster) -> Iterator[Link]:
    opened = _patient(cassandra.addresses)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def new_memory(link: Link, clock: Clock) -> Iterator[Callable[[], Driven]]:
    """Opens one more each time that it is called, each in a store of its own, and closes all at the end."""
    opened: list[Driven] = []

    def new() -> Driven:
        store = secrets.token_hex(4)
        opened.append(Driven(lambda: Clustered(link, store=store, now=clock, manners=MANNERS)))
        return opened[-1]

    yield new
    for each in opened:
        each.close()


@pytest.fixture
def new_killed(cassandra: CassandraCluster, clock: Clock) -> Iterator[Callable[[], Driven]]:
    """The same in processes of their own, which are killed whenever they would be closed."""
    opened: list[Driven] = []

    def new() -> Driven:
        there = partial(clustered, cassandra.addresses, secrets.token_hex(4))
        opened.append(Driven(partial(Elsewhere, there, now=clock)))
        return opened[-1]

    yield new
    for each in opened:
        each.close()


def clustered(addresses: Sequence[str], store: str, clock: Clock) -> Clustered:
    """A replica with a connection of its own."""
    return Clustered(_patient(addresses), store=store, now=clock, manners=MANNERS)


def _patient(addresses: Sequence[str]) -> Link:
    return Link(addresses, patience=Patience(answer=60, quorum=120))


@pytest.fixture
def new_clustered(link: Link) -> Callable[[], Clustered]:
    """Opens a backend of a store of its own, to be closed by who opens it."""
    return lambda: Clustered(link, store=secrets.token_hex(4), manners=MANNERS)


@pytest.fixture
def memory(new_memory: Callable[[], Driven]) -> Driven:
    return new_memory()
