"""What else a run does with its memory: it has harm removed, and shows who it is."""

import asyncio
from pathlib import Path

from tandem_memory.client import Judged, Memory, Record

from tests.services.memory.process import Service
from tests.services.reasoning.coordination import coordinating, job, questions, work
from tests.services.reasoning.lanes.wire_server import playing
from tests.services.reasoning.memory.answering import following
from tests.services.reasoning.memory.conftest import NAMESPACE, awaited, caught_up, records, told

VOTE = {"routing": {"policy": "Local"}}


def test_harm_is_removed(memory: Service, tmp_path: Path) -> None:
    """Where the job asks for it: what was used three times to more harm than good; one bad day is none."""
    thrice, once = told(memory, Record(question="What is it?", answer="a"), Record(question="What else?", answer="b"))
    with Memory(memory.address, NAMESPACE) as client:
        client.judge([Judged(id=each, gain=-0.5, source="x") for each in (thrice, thrice, thrice, once)])

    async def deed() -> None:
        given = job({"local": ["http://127.0.0.1:9/v1"]}, memory={"pruneSeconds": 0.05})
        async with coordinating(tmp_path, given, questions(1), memory=memory.address):
            while len(await asyncio.to_thread(records, memory)) > 1:  # noqa: ASYNC110 - in another process
                await asyncio.sleep(0.05)

    awaited(deed)
    assert [each.id for each in records(memory)] == [once]


def test_a_token_is_shown(tmp_path: Path) -> None:
    """A memory that wants one takes what the run appends; a run that shows another goes on without it, and its status says so."""
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("letters-of-a-token\n")
    wrong.write_text("letters-of-another\n")
    memory = Service(tmp_path / "memory", TOKEN_FILE=right)
    memory.start()

    async def run(folder: Path, token: Path) -> str:
        async with playing() as local:
            local.answer = following("right")
            given, settings = job({"local": [local.url]}, **VOTE), {"memory": memory.address, "memory_token_file": token}
            async with coordinating(folder, given, questions(2), grace_seconds=1, **settings) as coordinator:
                await work(coordinator.address, "one")
                assert coordinator.status.done == 2
                if token == right:
                    await caught_up(coordinator)
                return coordinator.status.memory.problem

    for name in ("refused", "taken"):
        (tmp_path / name).mkdir()
    try:
        assert "token" in awaited(lambda: run(tmp_path / "refused", wrong))
        assert awaited(lambda: run(tmp_path / "taken", right)) == ""
        with Memory(memory.address, NAMESPACE, token_file=right) as client:
            assert len(list(client.scan())) == 2
    finally:
        memory.kill()
