"""How statements share the way to a cluster."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from tandem_memory.cassandra import Link
from tandem_memory.cassandra.cluster.asking import _AT_ONCE, _OF_MANY, Asking


class Slow:
    """A link on which what is asked under a condition is not answered until it is released."""

    def __init__(self) -> None:
        self.claims = list[Callable[[list[Any]], None]]()

    def prepared(self, cql: str) -> Any:
        return SimpleNamespace(bind=lambda _values: SimpleNamespace(cql=cql))

    def send(self, statement: Any) -> Any:
        return SimpleNamespace(add_callbacks=lambda found, _failed: self._asked(getattr(statement, "cql", ""), found))

    def release(self) -> None:
        """Answer those that wait."""
        waiting, self.claims = self.claims, []
        for found in waiting:
            found([(True,)])

    def _asked(self, cql: str, found: Callable[[list[Any]], None]) -> None:
        if " IF " in cql or cql == "LOOK":
            self.claims.append(found)
        else:
            found([])


def test_nothing_waits_behind_a_thousand_claims() -> None:
    """Nor behind as many looks at names: as many are under way as leave places for all else; and all come to an end."""

    async def asked() -> None:
        link = Slow()
        asking = Asking(cast("Link", link))
        claims = [asyncio.create_task(asking.decided("UPDATE claims IF place = ?", number)) for number in range(500)]
        looks = [asyncio.create_task(asking.one_of_many("LOOK", number)) for number in range(500)]
        await asyncio.sleep(0)
        assert await asyncio.wait_for(asking.rows("BEAT"), 60) == []
        assert not [each for each in (*claims, *looks) if each.done()]
        assert len(link.claims) == _OF_MANY < _AT_ONCE
        while not all(each.done() for each in (*claims, *looks)):
            assert len(link.claims) <= _OF_MANY
            link.release()
            await asyncio.sleep(0)
        assert await asyncio.gather(*claims) == [(True, ())] * 500
        assert await asyncio.gather(*looks) == [[(True,)]] * 500

    asyncio.run(asked())
