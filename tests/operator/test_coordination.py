"""What a coordinator says becomes the planner's report, with nothing invented."""

from datetime import UTC, datetime

import pytest
from tandem.reasoning.v1 import reasoning_pb2 as wire
from tandem_operator.api.dual_status import MemoryState, MemoryStatus
from tandem_operator.coordination import report

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize("state", MemoryState)
def test_how_it_stands_with_the_memory_arrives(state: MemoryState) -> None:
    """State, reason, and what is yet to be told; nothing for a run without one."""
    told = wire.Status(total=7, memory=wire.MemoryStatus(state=state, problem="no route", waiting=3, shown=1))
    assert report(told, NOW).memory == MemoryStatus(state=state, problem="no route", waiting=3)
    assert report(wire.Status(total=7), NOW).memory is None
