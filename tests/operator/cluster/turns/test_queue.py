"""Which runs are looked at, when: in virtual time, so that hours cost nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.cluster.turns import queue as module
from tandem_operator.cluster.turns.queue import Queue

from tests.operator.cluster.clients import in_virtual_time
from tests.operator.cluster.looks import play

KEYS = [("team", name) for name in "abc"]
LONGEST_LOOK_S = 2.0
SLACK_S = 0.5  # for what only progress asks for, which has a pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Somebody asks for a look."""

    kind: str
    key: Key
    wait_s: float
    then_s: float  # until the next wish


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A run was looked at."""

    key: Key
    began: float
    ended: float


WISHES = st.lists(
    st.builds(
        Wish,
        kind=st.sampled_from(["add", "untold", "progress", "reached", "later"]),
        key=st.sampled_from(KEYS),
        wait_s=st.sampled_from([0, 0.1, 1, 5, 60]),
        then_s=st.sampled_from([0, 0, 0.05, 0.3, 1, 3, 70]),
    ),
    min_size=1,
    max_size=30,
)
LOOKS_S = st.lists(st.sampled_from([0, 0, 0.01, 0.5, LONGEST_LOOK_S]), min_size=1, max_size=10)


async def looked(wishes: list[Wish], looks_s: list[float]) -> tuple[list[float], list[Look]]:
    """When each wish was made, and the looks that came of them."""
    loop, queue = asyncio.get_running_loop(), Queue(lambda: 0.0)
    made: list[float] = []
    looks: list[Look] = []
    at_work: set[Key] = set()

    async def look(key: Key) -> None:
        assert key not in at_work, "two looks at one run at once"
        at_work.add(key)
        began = loop.time()
        await asyncio.sleep(looks_s[len(looks) % len(looks_s)])
        at_work.discard(key)
        looks.append(Look(key=key, began=began, ended=loop.time()))

    working = asyncio.ensure_future(queue.work(look))
    for wish in wishes:
        made.append(loop.time())
        _make(queue, wish)
        await asyncio.sleep(wish.then_s)
    await asyncio.sleep(300)
    assert queue.depth == 0
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    return made, looks


def _make(queue: Queue, wish: Wish) -> None:
    acts: dict[str, Callable[[Key], None]] = {
        "add": queue.add,
        "untold": queue.add_untold,
        "progress": queue.add_progress,
        "reached": queue.add_reached,
    }
    if wish.kind == "later":
        queue.add_later(wish.key, wish.wait_s)
    else:
        acts[wish.kind](wish.key)


def _patience_s(wish: Wish) -> float:
    waits = {"add": 0.0, "untold": module._SETTLES_S, "progress": SLACK_S, "reached": 0.0, "later": wish.wait_s}
    return waits[wish.kind] + LONGEST_LOOK_S + SLACK_S


@given(wishes=WISHES, looks_s=LOOKS_S)
def test_every_wish_is_followed_by_a_look(wishes: list[Wish], looks_s: list[float]) -> None:
    """One that began after it and in time, also when the run was being looked at; never two at once, and none that nobody asked for."""
    made, looks = in_virtual_time(looked(wishes, looks_s))
    for at, wish in zip(made, wishes, strict=True):
        begun = [look.began for look in looks if look.key == wish.key and look.began >= at]
        assert begun, f"{wish} made at {at} was lost"
        assert min(begun) - at <= _patience_s(wish), f"{wish} made at {at} was first looked at {min(begun)}"
    assert len(looks) <= len(wishes)


@pytest.fixture
def _one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WORKERS", 1)


@pytest.mark.usefixtures("_one_at_a_time")
def test_what_may_be_urgent_comes_first() -> None:
    """What is only to be told waits, however long it has been there, until nothing urgent is due."""

    async def scene(queue: Queue, _: list[str]) -> None:
        queue.add(("team", "first"))
        queue.add_untold(("team", "told"))
        await asyncio.sleep(0.5)
        queue.add(("team", "urgent"))
        queue.add(("team", "too"))
        await asyncio.sleep(10)

    assert play(scene) == ["first", "urgent", "too", "told"]


@pytest.mark.usefixtures("_one_at_a_time")
def test_patience_ends() -> None:
    """Not for ever: what has waited too long comes before what is urgent."""

    async def scene(queue: Queue, order: list[str]) -> None:
        queue.add_untold(("team", "told"))
        for number in range(200):
            queue.add(("team", f"urgent-{number}"))
        await asyncio.sleep(0.5 + module._PATIENCE_S + 2)
        assert "told" in order
        assert len(order) < 200

    play(scene)


@pytest.mark.usefixtures("_one_at_a_time")
def test_news_makes_what_is_to_be_told_urgent() -> None:
    """A run that waits to be told of and then changes for good is looked at with the urgent ones, once."""

    async def scene(queue: Queue, _: list[str]) -> None:
        queue.add(("team", "first"))
        queue.add_later(("team", "a"), 0.1)
        queue.add_later(("team", "b"), 0.2)
        await asyncio.sleep(0.5)
        queue.add(("team", "b"))
        await asyncio.sleep(20)

    assert play(scene) == ["first", "b", "a"]


def test_the_earliest_of_several_wishes_holds() -> None:
    """And a look fulfils all that were there when it began."""

    async def scene(queue: Queue, order: list[str]) -> None:
        for wait_s in (60, 5, 30):
            queue.add_later(("team", "a"), wait_s)
        await asyncio.sleep(4.9)
        assert order == []
        await asyncio.sleep(300)

    assert play(scene) == ["a"]


def test_many_at_once() -> None:
    """Runs do not wait for one another."""

    async def scene(queue: Queue, order: list[str]) -> None:
        for number in range(module._WORKERS):
            queue.add(("team", str(number)))
        await asyncio.sleep(0.1)
        assert len(order) == module._WORKERS

    play(scene, look_s=60)
