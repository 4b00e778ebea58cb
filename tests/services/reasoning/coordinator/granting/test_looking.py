"""A coordinator that looks after its lanes, come what may."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import cast

from tandem.reasoning.v1 import reasoning_pb2 as wire
from tandem_reasoning.coordinator.granting.permits import Permits
from tandem_reasoning.coordinator.process import looked
from tandem_reasoning.coordinator.service import Reasoning
from tandem_reasoning.ledger import FullError

from tests.services.reasoning.coordination import coordinating, job

PATIENCE_S = 240


class FullAtFirst:
    """Permits whose ledger has no room the first time."""

    def __init__(self) -> None:
        self.looks, self.again = 0, asyncio.Event()

    async def look(self) -> None:
        """Fail once."""
        self.looks += 1
        if self.looks == 1:
            msg = "no room"
            raise FullError(msg)
        self.again.set()


def test_a_ledger_that_does_not_take_it_is_no_reason_to_look_no_more() -> None:
    """As on a disk that is full for a while."""

    async def deed() -> None:
        permits = FullAtFirst()
        looking = asyncio.create_task(looked(cast("Permits", permits), 0.001))
        await asyncio.wait_for(permits.again.wait(), PATIENCE_S)
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking

    asyncio.run(deed())


def test_a_worker_is_told_when_to_ask_again_though_the_run_is_over(tmp_path: Path) -> None:
    """It may have calls under way, and would ask in a busy loop."""

    async def deed() -> None:
        async with coordinating(tmp_path, job({"local": ["http://127.0.0.1:1/v1"]}), []) as coordinator:
            claimed = await Reasoning(coordinator.rooms).Claim(wire.ClaimRequest(worker="one", count=1), cast("object", None))  # type: ignore[arg-type]
            assert claimed.over
            assert claimed.again_seconds > 0

    asyncio.run(deed())
