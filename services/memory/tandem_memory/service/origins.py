"""What each namespace is embedded by, and in how many dimensions: fixed by its first record, so asked of the backend once."""

from tandem.memory.v1.memory_pb2 import Namespace

from tandem_memory.backend import Backend, UnknownNamespaceError


class Origins:
    """What is known of namespaces."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._known: dict[str, Namespace] = {}

    async def of(self, namespace: str) -> Namespace | None:
        """What never changes of `namespace`: dimension and embedding; None while it is not there yet."""
        if namespace not in self._known:
            self._known = {each.name: each for each in await self._backend.namespaces()}
        return self._known.get(namespace)

    async def known(self, namespace: str) -> Namespace:
        """The same of one that has to be there.

        Raises:
            UnknownNamespaceError: when it is not.
        """
        there = await self.of(namespace)
        if there is None:
            raise UnknownNamespaceError(namespace)
        return there
