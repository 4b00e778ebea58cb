"""The event loop while a copy is taken."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from tandem_memory.backend import StoreUnavailableError, TooLarge
from tandem_memory.embedded import Embedded

from tests.services.memory.driven import ALL, NAMESPACE, Driven, questions, record
from tests.services.memory.store.slow_copies import slowed

MIB = 1 << 20


def test_the_loop_goes_on_under_a_copy(tmp_path: Path) -> None:
    """Who would have the map grow waits for no copy: watches, exports and searches are answered, and the append is tried again later."""
    memory = Driven(lambda: Embedded(tmp_path / "memory", map_bytes=MIB))
    backend = memory.backend
    assert isinstance(backend, Embedded)
    memory.append(record("a"))
    disk = slowed(backend._store)

    async def scene() -> int:
        copied = asyncio.create_task(backend.copy(tmp_path / "copy"))
        await asyncio.to_thread(disk.begun.wait)
        large = asyncio.create_task(backend.append(NAMESPACE, [record("large", answer="x" * 2 * MIB)], embedding="caller"))
        with pytest.raises(StoreUnavailableError):
            await large
        news = await anext(backend.watch(NAMESPACE, "", ALL, only_new=False, vectors=False))
        exported = [each async for part in backend.export(NAMESPACE, ALL, vectors=False) for each in part]
        assert [change.appended.question for change in news.changes] == questions(exported) == ["a"]
        (found,) = await backend.search(NAMESPACE, np.array([(1, 0, 0, 0)], np.float32), 1, ALL, vectors=False)
        assert not isinstance(found, TooLarge)
        assert questions([near.record for near in found]) == ["a"]
        assert not copied.done()
        disk.going.set()
        return await copied

    try:
        assert memory.run(scene()) == 1
        memory.append(record("large", answer="x" * 2 * MIB))
    finally:
        disk.going.set()
        memory.close()
