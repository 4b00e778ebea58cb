"""A coordinator that goes on with the books of another job: what the run's owner edited meanwhile holds from now on."""

import asyncio
from pathlib import Path

from tests.services.reasoning.coordination import items, job
from tests.services.reasoning.coordinator.learning_run import PATIENCE_S, answered, cloud, local
from tests.services.reasoning.lanes.wire_server import playing


def test_a_lane_that_took_anothers_place_answers_the_rest(tmp_path: Path) -> None:
    """What the old one answered stays in the books, and taught the router; nobody asks it any more."""

    async def deed() -> None:
        async with playing() as here, playing() as there, playing() as elsewhere:
            here.answer, there.answer, elsewhere.answer = local, cloud, cloud
            await answered(tmp_path, job({"local": [here.url], "cloud": [there.url]}, routing={"warmup": 20}), 20, 8)
            asked = len(there.asked)
            await answered(tmp_path, job({"local": [here.url], "cloud-two": [elsewhere.url]}, routing={"warmup": 20}), 20, 20)
            assert len(there.asked) == asked >= 8
            assert len(elsewhere.asked) >= 20 - asked  # and again what was under way

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    assert {item.outcome.answer for item in items(tmp_path / "ledger.sqlite") if item.outcome} == {"so"}
