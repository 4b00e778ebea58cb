"""What does not change about a namespace, and how far its log has come."""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from tandem_memory.backend import DimensionError, EmbeddingError, UnknownNamespaceError

_IDENTITY_BYTES = 6  # two namespaces of one name, in stores that somebody swapped, are alike once in 10^14


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """A namespace, from its first record on.

    Attributes:
        name: As its users call it.
        number: What its keys begin with.
        identity: Tells it from one of the same name in another store.
        dimension: Of its vectors.
        embedding: What made its vectors; "caller" for vectors of its callers.
        created_at: When it began, ISO 8601.
    """

    name: str
    number: int
    identity: str
    dimension: int
    embedding: str
    created_at: str

    @classmethod
    def begun(cls, name: str, number: int, dimension: int, embedding: str, now: datetime) -> "Namespace":
        """A new one."""
        return cls(
            name=name,
            number=number,
            identity=secrets.token_hex(_IDENTITY_BYTES),
            dimension=dimension,
            embedding=embedding,
            created_at=now.isoformat(),
        )

    @classmethod
    def parsed(cls, value: bytes) -> "Namespace":
        """What `written` wrote."""
        return cls(**json.loads(value))

    def written(self) -> bytes:
        """As it is kept."""
        return json.dumps(asdict(self)).encode()


@dataclass(frozen=True, slots=True)
class Head:
    """How far a log has come.

    Attributes:
        position: Of the last change; 0 before the first.
        at_us: When that was made, microseconds since 1970.
    """

    position: int = 0
    at_us: int = 0

    def next(self, now_us: int) -> "Head":
        """After one more change; time does not go back, whatever the clock does."""
        return Head(self.position + 1, max(self.at_us, now_us))


def known(namespaces: Mapping[str, Namespace], name: str) -> Namespace:
    """The namespace of that name.

    Raises:
        UnknownNamespaceError: when there is none.
    """
    found = namespaces.get(name)
    if found is None:
        raise UnknownNamespaceError(name)
    return found


def check(dimensions: Iterable[int], embedding: str, wanted_dimension: int, wanted_embedding: str) -> None:
    """Refuse vectors that do not belong into a namespace.

    Raises:
        DimensionError: for another dimension.
        EmbeddingError: for another origin.
    """
    for given in dimensions:
        if given != wanted_dimension:
            raise DimensionError(wanted_dimension, given)
    if embedding != wanted_embedding:
        raise EmbeddingError(wanted_embedding, embedding)
