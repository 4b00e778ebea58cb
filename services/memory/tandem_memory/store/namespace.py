"""What does not change about a namespace, and how far its log has come."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TypeAlias

from tandem_memory.backend import Origin, UnknownNamespaceError
from tandem_memory.rules.clock import microseconds
from tandem_memory.rules.logged import new_identity

_JUMP = 1_000_000  # where the clock has not come as far as the log: a quarter of an hour of a thousand changes a second

Gap: TypeAlias = tuple[int, int]
"""A position, and the one up to which those behind it were never given."""


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
        gaps: Positions that were left out when it was restored, ascending.
    """

    name: str
    number: int
    identity: str
    dimension: int
    embedding: str
    created_at: str
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def begun(cls, name: str, number: int, dimension: int, embedding: str, now: datetime) -> "Namespace":
        """A new one."""
        return cls(
            name=name,
            number=number,
            identity=new_identity(),
            dimension=dimension,
            embedding=embedding,
            created_at=now.isoformat(),
        )

    @classmethod
    def parsed(cls, value: bytes) -> "Namespace":
        """What `written` wrote."""
        said = json.loads(value)
        gaps = tuple((after, until) for after, until in said.pop("gaps", ()))
        return cls(**said, gaps=gaps)

    def written(self) -> bytes:
        """As it is kept; without gaps as it was before there were any."""
        said = asdict(self)
        if not self.gaps:
            del said["gaps"]
        return json.dumps(said).encode()

    def again(self, last: int, now: datetime) -> "Namespace":
        """The same in a copy that came to `last`, whose original has gone on, and which may be restored more than once.

        Its cursors are those of another namespace. Its positions go on from how many microseconds it is since 1970: no log takes in a
        change in each, so neither the original nor what was restored before has come as far, and no id is given twice.
        """
        until = max(last + _JUMP, microseconds(now))
        return replace(self, identity=new_identity(), gaps=(*self.gaps, (last, until)))

    @property
    def origin(self) -> Origin:
        """Where its vectors come from."""
        return Origin(dimension=self.dimension, embedding=self.embedding)

    @property
    def least(self) -> int:
        """The position that its log has come to whatever is in it."""
        return self.gaps[-1][1] if self.gaps else 0

    @property
    def left_out(self) -> int:
        """How many positions were never given."""
        return sum(until - after for after, until in self.gaps)


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
