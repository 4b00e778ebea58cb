"""Namespaces of a cluster: begun by whoever is first, by a lightweight transaction, and never changed."""

# ruff: noqa: S608 - the names in statements are ours; values are bound

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tandem_memory.backend import Origin, UnknownNamespaceError
from tandem_memory.cassandra.cluster import schema
from tandem_memory.cassandra.cluster.asking import Asking
from tandem_memory.rules.logged import new_identity

_COLUMNS = "name, identity, dimension, embedding, created_at"


@dataclass(frozen=True, slots=True)
class Space:
    """A namespace: its name, what tells it from others of that name, its vectors' dimension and origin, and when it began (ISO 8601)."""

    name: str
    identity: str
    dimension: int
    embedding: str
    created_at: str

    @property
    def origin(self) -> Origin:
        """Where its vectors come from."""
        return Origin(dimension=self.dimension, embedding=self.embedding)


class Spaces:
    """The namespaces of one store; several stores may share a cluster and its tables.

    Args:
        asking: The cluster.
        keyspace: Where the tables are.
        store: Which store.
    """

    def __init__(self, asking: Asking, keyspace: str, store: str) -> None:
        self._asking, self._keyspace, self._store = asking, keyspace, store
        self._known: dict[str, Space] = {}

    async def known(self, name: str) -> Space:
        """The namespace.

        Raises:
            UnknownNamespaceError: when there is none.
        """
        found = self._known.get(name) or {each.name: each for each in await self.all()}.get(name)
        if found is None:
            raise UnknownNamespaceError(name)
        return found

    def remembered(self, name: str) -> Space | None:
        """The namespace, if this replica has met it."""
        return self._known.get(name)

    async def all(self) -> list[Space]:
        """All there are, by name."""
        rows = await self._asking.rows(f"SELECT {_COLUMNS} FROM namespaces WHERE store = ?", self._store)
        spaces = [Space(*row) for row in rows]
        self._known = {each.name: each for each in spaces}
        return spaces

    async def begun(self, name: str, dimension: int, embedding: str, now: datetime) -> Space:
        """The namespace; it begins now if it is not there."""
        if name in self._known:
            return self._known[name]
        try:
            return await self.known(name)
        except UnknownNamespaceError:
            return await self._begin(Space(name, new_identity(), dimension, embedding, now.isoformat()))

    async def _begin(self, space: Space) -> Space:
        for cql in self._lacking(space.dimension):
            await self._asking.define(cql)
        await self._asking.decided(
            f"INSERT INTO namespaces (store, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS",
            *(self._store, space.name, space.identity, space.dimension, space.embedding, space.created_at),
        )
        return await self.known(space.name)  # ours, or that of somebody who was faster

    def _lacking(self, dimension: int) -> Iterator[str]:
        return schema.of_dimension(self._keyspace, dimension)
