"""When many runs come at once they are started first, and what is told of them waits: not for ever, and never what is urgent."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from tandem_operator.cluster.kube.informer import Key
from tandem_operator.cluster.turns import crowd, queue
from tandem_operator.cluster.turns.queue import Queue, Turn

from tests.operator.cluster.clients import in_virtual_time

TOLD = ("team", "told")
Times = list[tuple[float, str]]


def play(scene: Callable[[Queue, Times], Coroutine[Any, Any, None]]) -> None:
    """A scene with a queue and the looks that were made: when, and at what."""

    async def played() -> None:
        ours, looks = Queue(lambda: 0.0), Times()

        async def look(key: Key) -> None:
            looks.append((asyncio.get_running_loop().time(), key[1]))

        working = asyncio.ensure_future(ours.work(look))
        await scene(ours, looks)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    in_virtual_time(played())


async def come(ours: Queue, number: int, a_second: float) -> None:
    """So many runs come, one after the other."""
    for each in range(number):
        ours.add_new(("team", f"new-{each}"))
        await asyncio.sleep(1 / a_second)


def times(looks: Times, name: str) -> list[float]:
    return [at for at, looked in looks if looked == name]


def test_what_goes_well_is_told_once_the_crowd_has_been_started() -> None:
    """A thousand runs in twenty seconds: the look that a pod that came up asks for is made when they are through, and all at once."""

    async def scene(ours: Queue, looks: Times) -> None:
        await come(ours, 200, 50)
        ours.add_untold(TOLD)
        await come(ours, 800, 50)
        assert times(looks, TOLD[1]) == []
        assert ours.depth == 1
        await asyncio.sleep(5)
        assert len(times(looks, TOLD[1])) == 1
        assert ours.depth == 0

    play(scene)


def test_the_crowd_is_not_waited_for_for_ever() -> None:
    """However long it lasts, what goes well is told within two minutes, and what is urgent or has its moment at once."""

    async def scene(ours: Queue, looks: Times) -> None:
        await come(ours, 200, 50)
        ours.add_untold(TOLD)
        ours.add_later(("team", "moment"), 1)
        ours.add_later(("team", "failed"), 1, Turn.LULL)
        await come(ours, 100, 50)
        ours.add(("team", "failed"))
        await come(ours, 50 * 130, 50)
        assert 4 + queue._CROWD_PATIENCE_S < times(looks, TOLD[1])[0] < 6 + queue._CROWD_PATIENCE_S
        assert times(looks, "moment")[0] < 5.1
        assert [round(at) for at in times(looks, "failed")] == [6]

    play(scene)


def test_few_runs_are_no_crowd() -> None:
    """Nor is a steady stream of them: a pod that comes up is looked at as soon as it has settled."""

    async def scene(ours: Queue, looks: Times) -> None:
        await come(ours, crowd._MANY - 1, 1000)
        ours.add_untold(TOLD)
        await come(ours, 100, crowd._A_SECOND / 2)
        ours.add_untold(("team", "later"))
        await come(ours, 10, crowd._A_SECOND / 2)
        assert times(looks, TOLD[1])[0] < 1
        assert times(looks, "later")[0] < 22

    play(scene)


def test_looks_that_are_not_wanted_any_more_take_no_room() -> None:
    """A run that has a far deadline and is looked at every second leaves no trace of each look."""

    async def scene(ours: Queue, looks: Times) -> None:
        for _ in range(5000):
            ours.add_later(TOLD, 3600)
            ours.add(TOLD)
            await asyncio.sleep(0.1)
        assert len(looks) == 5000
        assert ours.wishes < 200
        ours.add_later(TOLD, 3600)
        await asyncio.sleep(3601)
        assert len(looks) == 5001

    play(scene)


def test_rest() -> None:
    """No look begins any more, and those that have begun are waited for, but not for ever."""

    async def played(look_s: float) -> tuple[float, list[str]]:
        ours, over, loop = Queue(), list[str](), asyncio.get_running_loop()

        async def look(key: Key) -> None:
            await asyncio.sleep(look_s)
            over.append(key[1])

        working = asyncio.ensure_future(ours.work(look))
        ours.add(("team", "begun"))
        await asyncio.sleep(1)
        asked = loop.time()
        resting = asyncio.ensure_future(ours.rest(10))
        await asyncio.sleep(0)
        ours.add(("team", "late"))
        await resting
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return round(loop.time() - asked), over

    assert in_virtual_time(played(4)) == (3, ["begun"])
    assert in_virtual_time(played(40)) == (10, [])
