"""What is told of groups that became durable."""

import asyncio
from pathlib import Path

import pytest
from tandem_memory.backend import DimensionError
from tandem_memory.embedded import Embedded

from tests.services.memory.driven import NAMESPACE, record


def test_each_group_is_told_with_its_new_records(tmp_path: Path) -> None:
    """What waited together is one; what was known or refused counts for nothing."""
    told = list[tuple[int, float]]()

    async def deed() -> None:
        memory = Embedded(tmp_path, committed=lambda records, seconds: told.append((records, seconds)))
        await memory.append(NAMESPACE, [record("a", key="a"), record("b", key="b")], embedding="caller")
        await memory.append(NAMESPACE, [record("a", key="a")], embedding="caller")
        with pytest.raises(DimensionError):
            await memory.append(NAMESPACE, [record("c", near=(1, 2))], embedding="caller")
        await asyncio.gather(*(memory.append(NAMESPACE, [record(f"{n}")], embedding="caller") for n in range(50)))
        await memory.close()

    asyncio.run(deed())
    assert [records for records, _ in told[:3]] == [2, 0, 0]
    assert sum(records for records, _ in told) == 52
    assert len(told) < 50
    assert all(seconds > 0 for _, seconds in told)
