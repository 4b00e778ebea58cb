"""How searches that wait are made together."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tandem.memory.v1.memory_pb2 import Filter, Record
from tandem_memory.backend import DamagedError, Near
from tandem_memory.figures import Figures
from tandem_memory.service import batches
from tandem_memory.service.batches import Batches, Question

from tests.services.memory.service.turns import idle, turn


class Looked:
    """A backend that notes what it is asked, and answers when it may; the record found is named after the query."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[float], int]] = []
        self.go = asyncio.Event()
        self.error: Exception | None = None
        self.damaged = float("nan")  # the query that finds a damaged record
        self.damage = "records 1/1", "not as it was written"

    async def search(
        self, namespace: str, queries: npt.NDArray[np.float32], k: int, wanted: Filter, *, vectors: bool
    ) -> Sequence[Sequence[Near]]:
        del wanted, vectors
        self.asked.append((namespace, queries[:, 0].tolist(), k))
        await self.go.wait()
        if self.error:
            raise self.error
        if self.damaged in queries:
            raise DamagedError(*self.damage)
        return [[Near(packed=Record(id=f"{query[0]:g}").SerializeToString(), similarity=1)] for query in queries]


def _searched(scenario: Callable[[Looked, Callable[..., "asyncio.Task[list[str]]"]], Coroutine[Any, Any, None]]) -> None:
    async def running() -> None:
        looked = Looked()
        together = Batches(looked, Figures())  # type: ignore[arg-type]

        async def nearest(*queries: float, namespace: str = "n", k: int = 1, wanted: bytes = b"") -> list[str]:
            question = Question(namespace=namespace, k=k, wanted=wanted, vectors=False)
            found = await together.nearest(question, np.array([[query] for query in queries], np.float32))
            return [each[0].record.id for each in found]

        await scenario(looked, lambda *queries, **asked: asyncio.create_task(nearest(*queries, **asked)))

    asyncio.run(running())


def test_searches_that_wait_are_made_together() -> None:
    """All that come in one turn of the loop are one look, and each has its own answers."""

    async def scenario(looked: Looked, search: Callable[..., "asyncio.Task[list[str]]"]) -> None:
        searches = [search(1), search(2, 3), search(4)]
        looked.go.set()
        assert [await each for each in searches] == [["1"], ["2", "3"], ["4"]]
        assert looked.asked == [("n", [1, 2, 3, 4], 1)]

    _searched(scenario)


def test_what_comes_meanwhile_gathers() -> None:
    """While a look is under way, further searches wait and are made together afterwards."""

    async def scenario(looked: Looked, search: Callable[..., "asyncio.Task[list[str]]"]) -> None:
        searches = [search(1)]
        await idle()
        searches.extend(map(search, (2, 3, 4)))
        await idle()
        looked.go.set()
        await asyncio.gather(*searches)
        assert [queries for _, queries, _ in looked.asked] == [[1], [2, 3, 4]]

    _searched(scenario)


def test_after_a_look_for_several_what_is_nearly_here_is_waited_for() -> None:
    """Searches that come a few turns of the loop apart are one look, once several of their kind were."""

    async def scenario(looked: Looked, search: Callable[..., "asyncio.Task[list[str]]"]) -> None:
        looked.go.set()
        await asyncio.gather(search(1), search(2))
        await asyncio.gather(*await _spread(search, 3, 4, 5, turns=4))
        assert [queries for _, queries, _ in looked.asked] == [[1, 2], [3, 4, 5]]

    _searched(scenario)


def test_what_comes_alone_waits_for_nobody() -> None:
    """One whose like was answered alone, or never, is looked up in the turn after it came, also beside a crowd that asks something else."""

    async def scenario(looked: Looked, search: Callable[..., "asyncio.Task[list[str]]"]) -> None:
        looked.go.set()
        await asyncio.gather(search(1), search(2))
        searches = [search(3, k=2), search(4)]
        await turn(3)
        assert looked.asked[1:] == [("n", [3], 2)]
        searches.append(search(5))
        await asyncio.gather(*searches)
        searches = [search(6)]
        await turn(8)  # the last of a crowd waits for a few
        searches.append(search(7))
        await turn(3)
        assert [queries for _, queries, _ in looked.asked[2:]] == [[4, 5], [6], [7]]
        await asyncio.gather(*searches)

    _searched(scenario)


def test_a_full_look_waits_for_nobody() -> None:
    """However many come, turn by turn, the first is answered once as many are here as a look is made for; who waited behind one at once."""

    async def scenario(looked: Looked, search: Callable[..., "asyncio.Task[list[str]]"]) -> None:
        looked.go.set()
        await asyncio.gather(search(1), search(2))
        searches = await _spread(search, *range(3, 40), turns=2)
        assert [len(queries) for _, queries, _ in looked.asked] == [2, 32]
        await asyncio.gather(*searches)
        looked.go.clear()
        searches = [search(40), search(41)]
        await idle()
        searches.extend(map(search, range(42, 82)))
        await idle()
        before = len(looked.asked)
        looked.go.set()
        await turn(6)
        assert len(looked.asked) > before
        await asyncio.gather(*searches)

    _searched(scenario)


def test_nobody_waits_long_for_others_who_keep_coming(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they come too slowly to fill a look, the first of them is looked up when it has waited as long as anybody may."""
    monkeypatch.setattr(batches, "_PATIENCE_S", 0.0)

    async def scenario(looked: Looked, search: Callable[..., "asyncio.Task[list[str]]"]) -> None:
        looked.go.set()
        await asyncio.gather(search(1), search(2))
        await asyncio.gather(*await _spread(search, 3, 4, turns=4))
        assert [queries for _, queries, _ in looked.asked] == [[1, 2], [3], [4]]

    _searched(scenario)


async def _spread(search: Callable[..., "asyncio.Task[list[str]]"], *queries: float, turns: int) -> list["asyncio.Task[list[str]]"]:
    """One search after the other, so many turns of the loop apart."""
    searches = list["asyncio.Task[list[str]]"]()
    for query in queries:
        searches.append(search(query))
        await turn(turns)
    return searches


def test_behind_a_look_that_takes_long_nobody_waits_long() -> None:
    """Another one is begun for them, and what comes while both are under way is made together afterwards."""

    async def scenario(looked: Looked, search: Callable[..., "asyncio.Task[list[str]]"]) -> None:
        searches = [search(1)]
        await idle()
        searches.append(search(2))
        while len(looked.asked) < 2:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.001)
        searches.extend(map(search, (3, 4, 5)))
        await asyncio.sleep(0.02)
        assert [queries for _, queries, _ in looked.asked] == [[1], [2]]
        looked.go.set()
        await asyncio.gather(*searches)
        assert [queries for _, queries, _ in looked.asked] == [[1], [2], [3, 4, 5]]

    _searched(scenario)


def test_only_what_asks_the_same_is_made_together() -> None:
    """Of the same namespace, as many records, under the same filter."""

    async def scenario(looked: Looked, search: Callable[..., "asyncio.Task[list[str]]"]) -> None:
        searches = [search(1), search(2, namespace="m"), search(3, k=2), search(4, wanted=Filter(sources=["x"]).SerializeToString())]
        looked.go.set()
        assert [await each for each in searches] == [["1"], ["2"], ["3"], ["4"]]
        assert len(looked.asked) == 4

    _searched(scenario)


def test_a_crowd_keeps_nobody_else_waiting() -> None:
    """More searches than one look takes: who asks something else comes after their first one, not after their last."""

    async def scenario(looked: Looked, search: Callable[..., "asyncio.Task[list[str]]"]) -> None:
        crowd = [search(*range(20)) for _ in range(5)]
        other = search(1, namespace="m")
        looked.go.set()
        await asyncio.gather(*crowd, other)
        assert [namespace for namespace, _, _ in looked.asked] == ["n", "m", "n", "n", "n", "n"]

    _searched(scenario)


def test_a_look_is_not_too_large() -> None:
    """Many searches are several looks; a single large one is one."""

    async def scenario(looked: Looked, search: Callable[..., "asyncio.Task[list[str]]"]) -> None:
        searches = [search(*range(100)), *(search(query) for query in range(40))]
        looked.go.set()
        await asyncio.gather(*searches)
        assert [len(queries) for _, queries, _ in looked.asked] == [100, 32, 8]

    _searched(scenario)


def test_a_failure_is_everybodys_and_the_next_look_is_made() -> None:
    """Who asked together is told together; who left is not waited for."""

    async def scenario(looked: Looked, search: Callable[..., "asyncio.Task[list[str]]"]) -> None:
        looked.error = LookupError("gone")
        looked.go.set()
        together = [search(1), search(2)]
        for each in together:
            with pytest.raises(LookupError):
                await each
        looked.error = None
        looked.go.clear()
        left, stayed = search(3), search(4)
        await idle()
        left.cancel()
        looked.go.set()
        assert await stayed == ["4"]

    _searched(scenario)


def test_a_damaged_record_is_only_theirs_who_find_it() -> None:
    """Who asked together with them is answered."""

    async def scenario(looked: Looked, search: Callable[..., "asyncio.Task[list[str]]"]) -> None:
        looked.damaged = 2.0
        looked.go.set()
        first, second, third = await asyncio.gather(search(1), search(2), search(3), return_exceptions=True)
        assert (first, third) == (["1"], ["3"])
        assert isinstance(second, DamagedError)

    _searched(scenario)
