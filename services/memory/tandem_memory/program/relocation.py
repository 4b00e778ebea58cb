"""The command `migrate`: the two places that it names, opened, and how far the move from one to the other is.

A place is the folder of a store, or cassandra://node[,node...]/keyspace; how a cluster is spoken to, its port and its password among
it, the settings of the service say. A service has its folder for itself, so it is stopped before its store is moved.
"""

import asyncio
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic

from tandem.memory.v1.memory_pb2 import Namespace

from tandem_memory.moves.migration import Migrated, migrate
from tandem_memory.program import opening
from tandem_memory.program.settings import KEYSPACE, Settings

_EVERY_S = 5.0
_CLUSTER = re.compile(rf"cassandra://(?P<nodes>[^/]+)/(?P<keyspace>{KEYSPACE})")
_WITH_PORT = re.compile(r"[^:]*:\d*")  # an address of IPv6 has more colons


class PlaceError(ValueError):
    """A place cannot be meant; one line with the fix."""


def relocated(source: str, target: str) -> Sequence[Migrated]:
    """Move all that is at `source` to `target`, compare both, and say on standard error how far that is.

    Raises:
        PlaceError, OpeningError, pydantic.ValidationError: when one of them is no place, or cannot be opened.
        MigrationError, StoreFullError, StoreUnavailableError: as `migrate` does.
    """
    here, there = place("FROM", source), place("TO", target)
    if here.place == there.place:
        msg = f"TO: {target} is FROM; give another place"
        raise PlaceError(msg)
    return asyncio.run(_moved(here, there))


def place(called: str, text: str) -> Settings:
    """The settings of a service whose records are at the place that `text` names.

    Raises:
        PlaceError: when it names none.
    """
    if "://" not in text and text:
        return Settings(folder=Path(text).resolve(), cassandra="")
    found = _CLUSTER.fullmatch(text)
    if not found:
        msg = f"{called}: {text!r} is neither a folder nor cassandra://node[,node...]/keyspace, the keyspace of a-z, 0-9 and _"
        raise PlaceError(msg)
    if any(_WITH_PORT.fullmatch(node) for node in found["nodes"].split(",")):
        msg = f"{called}: {text} names a port; set TANDEM_MEMORY_CASSANDRA_PORT, it is the same on all nodes"
        raise PlaceError(msg)
    return Settings(folder=None, cassandra=found["nodes"], cassandra_keyspace=found["keyspace"])


async def _moved(here: Settings, there: Settings) -> Sequence[Migrated]:
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(opening.backend(here, called="FROM", begin=False))
        target = await stack.enter_async_context(opening.backend(there, called="TO"))
        return await migrate(source, target, Progress(_say).told)


class Progress:
    """Says every few seconds how far a move is.

    Args:
        say: Takes a line.
        clock: Seconds, from anywhere.
    """

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = monotonic) -> None:
        self._say, self._clock = say, clock
        self._said_at = clock()

    def told(self, doing: str, namespace: Namespace, number: int) -> None:
        """Hear of a record."""
        now = self._clock()
        if now - self._said_at >= _EVERY_S:
            self._said_at = now
            self._say(f"{doing} {namespace.name}: {number:,} of {namespace.records:,}")


def _say(line: str) -> None:
    sys.stderr.write(f"tandem-memory: {line}\n")
