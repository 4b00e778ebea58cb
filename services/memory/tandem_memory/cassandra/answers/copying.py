"""A copy of a cluster's records as a store of the embedded backend: it opens on any machine, and goes back by `migration`.

A cluster has snapshots of its own (`nodetool snapshot`), which are faster and bring a whole cluster back; this is for taking records
elsewhere, and for a backup that does not need a cluster to be read. Each namespace is as it was at one moment of its own.
"""

from collections.abc import Sequence
from pathlib import Path

from tandem.memory.v1.memory_pb2 import Filter

from tandem_memory.cassandra.answers import answers
from tandem_memory.cassandra.shelf.shelf import Shelf

_ALL = Filter()


async def copy(shelves: Sequence[Shelf], into: Path) -> int:
    """Write all records into a folder; how many that are."""
    from tandem_memory.embedded import Embedded  # brings LMDB and the indexes, which a cluster does without

    store, records = Embedded(into), 0
    try:
        for shelf in shelves:
            async for part in answers.export(shelf, _ALL, vectors=True):
                await store.take_back(shelf.space.name, part, embedding=shelf.space.embedding)
                records += len(part)
    finally:
        await store.close()
    return records
