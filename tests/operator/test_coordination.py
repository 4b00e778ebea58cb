"""What a coordinator says becomes the planner's report, with nothing invented."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tandem.reasoning.v1 import reasoning_pb2 as wire
from tandem_operator.api.dual_status import MemoryState, MemoryStatus
from tandem_operator.api.status import CheckpointStatus
from tandem_operator.coordination import Coordination, report

from tests.services.reasoning.coordination import coordinating, job, questions

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize("state", MemoryState)
def test_how_it_stands_with_the_memory_arrives(state: MemoryState) -> None:
    """State, reason, and what is yet to be told; nothing for a run without one."""
    told = wire.Status(total=7, memory=wire.MemoryStatus(state=state, problem="no route", waiting=3, shown=1))
    assert report(told, NOW).memory == MemoryStatus(state=state, problem="no route", waiting=3)
    assert report(wire.Status(total=7), NOW).memory is None


def test_the_newest_snapshot_arrives() -> None:
    """As the checkpoint of its run; none before the first."""
    told = wire.Status(snapshot=wire.Snapshot(answered=5, uri="s3://bucket/pair/manifests/00000001-00000002.json"))
    told.snapshot.at.FromDatetime(NOW)
    assert report(told, NOW).checkpoint == CheckpointStatus(step=5, uri=told.snapshot.uri, at=NOW)
    assert report(wire.Status(total=7), NOW).checkpoint is None


def test_a_word_comes_at_the_time_of_whoever_listens(tmp_path: Path) -> None:
    """Which is that of the cluster: words are told from those of an earlier coordinator by when that one's pod began."""

    async def story() -> None:
        async with coordinating(tmp_path, job({"local": ["http://127.0.0.1:9/v1"]}), questions(3)) as coordinator:
            listening = Coordination(coordinator.address, now=lambda: NOW)
            while (heard := listening.newest()) is None:  # noqa: ASYNC110 - nothing says so but the report
                await asyncio.sleep(0.01)
            await asyncio.to_thread(listening.close)
            assert (heard.at, heard.total) == (NOW, 3)

    asyncio.run(asyncio.wait_for(story(), 300))
