"""How often a writer is heard of."""

import asyncio
from typing import Any, cast

from tandem_memory.cassandra.cluster.asking import Asking
from tandem_memory.cassandra.writers.beats import Beats, Heard

OWN, OTHER = "00000000000a", "00000000000b"
PATIENCE_S = 300


class Noted:
    """Statements that were asked, of which nothing comes."""

    def __init__(self) -> None:
        self.count, self._more = 0, asyncio.Condition()

    async def rows(self, _cql: str, *_values: Any) -> list[Any]:
        async with self._more:
            self.count += 1
            self._more.notify_all()
        return []

    async def until(self, count: int) -> None:
        async with self._more:
            await asyncio.wait_for(self._more.wait_for(lambda: self.count >= count), PATIENCE_S)


def test_a_writer_is_heard_of_for_as_long_as_it_writes() -> None:
    """Once where that is short; again and again where it takes long; and no more when it is over."""

    async def written() -> None:
        noted = Noted()
        beats = Beats(cast("Asking", noted), "i", 0.3)
        assert await beats.may_go_on(f"{OWN}.0")
        async with beats.kept() as held:
            assert held()
        assert noted.count == 1
        async with beats.kept():
            await noted.until(4)
        count = noted.count
        assert len(asyncio.all_tasks()) == 1
        await asyncio.sleep(0.3)
        assert noted.count == count

    asyncio.run(written())


def test_a_log_that_rests_is_not_silent_while_its_replica_is_heard_of() -> None:
    """One of this replica itself is: it writes no more in what it has given up."""
    now_s = 0.0
    heard = Heard(cast("Asking", None), "i", 15, OWN, lambda: now_s)
    assert heard.unheard_s(f"{OTHER}.0") == 0
    for writer in (f"{OWN}.0", f"{OWN}.1", f"{OTHER}.0", f"{OTHER}.1"):
        heard.hear(writer, 1)
    now_s = 100.0
    heard.hear(f"{OWN}.1", 2)
    heard.hear(f"{OTHER}.1", 2)
    heard.hear(f"{OTHER}.0", 1)  # no other beat than before
    now_s = 130.0
    silences_s = [heard.unheard_s(writer) for writer in (f"{OWN}.0", f"{OWN}.1", f"{OTHER}.0", f"{OTHER}.1")]
    assert silences_s == [130, 30, 30, 30]
    assert heard.silent_from_s(f"{OTHER}.0") == 30
