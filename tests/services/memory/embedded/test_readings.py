"""Who reads at length, and who waits for whom."""

import asyncio
import threading

import numpy as np
import pytest
from tandem_memory.embedded.readings import Readings

from tests.services.memory.driven import ALL, NAMESPACE, Driven, record


def test_a_search_waits_for_no_statistics(memory: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many go through everything, and however long that takes, who looks for a few records is answered."""
    memory.append(record("a"))
    go_on = threading.Event()
    monkeypatch.setattr(Readings, "stats", lambda *_: go_on.wait(300))

    async def scene() -> list[str]:
        counting = [asyncio.create_task(memory.backend.stats(NAMESPACE, ALL)) for _ in range(16)]
        await asyncio.sleep(0)
        try:
            query = np.array([[1, 0, 0, 0]], np.float32)
            async with asyncio.timeout(240):
                (found,) = await memory.backend.search(NAMESPACE, query, 1, ALL, vectors=False)
        finally:
            go_on.set()
            await asyncio.gather(*counting)
        return [near.record.question for near in found]

    assert memory.run(scene()) == ["a"]
