"""Events that wait to be written while nobody answers."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tandem_operator.cluster.deeds import telling
from tandem_operator.cluster.deeds.telling import Telling
from tandem_operator.cluster.paths import TRAINING_RUN
from tandem_operator.plan.values import Event, EventKind

from tests.operator.cluster.clients import client, until


def nobody(folder: Path) -> Path:
    """A kubeconfig of an API server that is not there."""
    found = folder / "kubeconfig"
    named = {"name": "nobody"}
    told = {
        "clusters": [{**named, "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{**named, "user": {}}],
        "contexts": [{**named, "context": {"cluster": "nobody", "user": "nobody"}}],
        "current-context": "nobody",
    }
    found.write_text(json.dumps(told))
    return found


def test_those_that_are_put_back_do_not_let_the_others_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them wait then than may, and yet one is left out for each that comes."""
    monkeypatch.setattr(telling, "_MOST_UNTOLD", 3)
    monkeypatch.setattr(telling, "_PAUSE_S", 0.01)
    three = tuple(Event(kind=EventKind.NORMAL, reason="Running", message=str(number)) for number in range(3))

    async def story() -> None:
        async with client(nobody(tmp_path)) as kube:
            told = Telling(kube, TRAINING_RUN, lambda _: None)

            def say() -> None:
                told.say(three, ("team", "r"), "u", datetime.now(UTC))

            say()
            work = asyncio.create_task(told.tell())
            await until("all to be tried", lambda: not told.waiting)
            say()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            assert told.waiting == 6
            say()
            assert told.waiting == 6

    asyncio.run(story())
