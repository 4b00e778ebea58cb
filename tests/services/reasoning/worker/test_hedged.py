"""What is recorded of a call that was made twice."""

import asyncio
import itertools
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from tandem_reasoning.lanes.asking.client import LaneClient
from tandem_reasoning.lanes.hedging import Hedging
from tandem_reasoning.lanes.outcome import Outcome
from tandem_reasoning.ledger import Ledger
from tandem_reasoning.values import Prompt

from tests.services.reasoning.coordination import UID, coordinating, items, job, questions, said, work
from tests.services.reasoning.lanes.wire_server import Act, playing

PATIENCE_S = 300
ALONE = {"experts": [{"name": "expert"}], "thinking": {"maxSteps": 1}, "routing": {"policy": "Local"}}


def test_of_two_answers_that_come_at_once_the_one_that_is_used_is_on_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else whoever does the question again after a crash shows its experts what none has seen, and pays for all of them anew."""
    ask, numbers = LaneClient.ask, itertools.count()
    met: defaultdict[str, list[asyncio.Event]] = defaultdict(list)  # by question

    async def tied(self: LaneClient, url: str, model: str, prompt: Prompt, **more: Any) -> Outcome:
        """Comes back in one turn of the loop with the other call of the same question, where there is one."""
        outcome = await ask(self, url, model, prompt, **more)
        both = met[prompt.messages[-1].content]
        both.append(both[0] if both else asyncio.Event())
        if len(both) > 1:
            both[0].set()
        await asyncio.wait([asyncio.ensure_future(both[0].wait())], timeout=0.5)
        return outcome

    async def deed() -> None:
        async with playing() as one, playing() as two:

            async def answer(path: str, body: dict[str, object]) -> Act:
                del path, body
                return said(f"Answer: {next(numbers)}")

            one.answer = two.answer = answer
            async with coordinating(tmp_path, job({"local": [one.url, two.url]}, **ALONE), questions(40)) as coordinator:
                await work(coordinator.address, "one")
                assert coordinator.status.done == 40

    monkeypatch.setattr(LaneClient, "ask", tied)
    monkeypatch.setattr(Hedging, "after_s", lambda *_: 0.05)
    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    assert any(len(both) > 1 for both in met.values())
    answered = {item.question.id: item.outcome and f"Answer: {item.outcome.answer}" for item in items(tmp_path / "ledger.sqlite")}
    assert recorded(tmp_path / "ledger.sqlite") == answered


def recorded(path: Path) -> dict[str, str]:
    """Answers of the calls of a ledger, by question."""
    ledger = Ledger(path, run=UID, cap_nano=None)
    reader = ledger.reader()
    try:
        return {call.place.item: call.answer for _, call in reader.calls(0, 10_000)}
    finally:
        reader.close()
        ledger.close()
