"""Which experts come to the device in a pass, in which order and through which slot, and which of them return. Pure.

A pass visits each expert that has something to do exactly once: it first learns from the window of tokens before (whose error
is known by now), then answers for the window at hand. So a step costs one copy in and one copy out an expert, though its
error is known only after all experts have answered. Hot experts stay in slots of their own and cost no copies at all. Of the others those
who have the same to do pass next to each other: small ones are worked on side by side.

Who is hot changes what is copied and never what is computed. So it is no part of what a checkpoint must hold, and a resumed run goes on
bit for bit with other slots, too.

Experts with few tokens come to the device like all others. Fiddler (Kamahori et al. 2024) computes them where their rows lie; counted in
operations that would pay up to 4/3 x host rate / link rate tokens, 27 at 500 GFLOP/s and 25 GB/s (PCIe 4 x16). But learning goes over a
row seven times however few they are (two products read it, one writes the gradient, its length reads that, descent reads both and writes,
the answer reads), and the link twice: the host's memory would have to bring 7/2 x 25 = 88 GB/s and feed the link besides. One thread took
2.2 to 12 times as long as both copies for a single token (width 256, inner width 1,024, with Adam and without).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice

from tandem_trainer.experts.sizes import Room

_HOTTER = 2  # passes that somebody must have had more to do in than one who is seated: a swap costs a copy each way


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Experts that are on the device together, in one slot, at places 0, 1, 2 ...

    Attributes:
        slot: The slot; hot ones come after the streaming ones.
        experts: Who is in it, by place; None where a hot place is empty.
        comes: Places that are copied in first.
        learns: Places whose expert learns from the window before.
        answers: Places whose expert answers for the window at hand.
        goes: Places that are copied out afterwards.
    """

    slot: int
    experts: tuple[int | None, ...]
    comes: tuple[int, ...]
    learns: tuple[int, ...]
    answers: tuple[int, ...]
    goes: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """All visits of a pass, in order.

    Attributes:
        visits: Those on the device; hot ones come first.
        hot: Who is in the hot places afterwards.
        changed: Those of them who have learned since they came: their rows on the host are old.
    """

    visits: tuple[Visit, ...]
    hot: tuple[int | None, ...]
    changed: frozenset[int]


def plan(
    room: Room,
    *,
    learning: Collection[int],
    answering: Collection[int],
    hot: Sequence[int | None] = (),
    changed: Collection[int] = (),
    heat: Mapping[int, int] | None = None,
    farewell: bool = False,
) -> Pass:
    """The pass in which `learning` learn and `answering` answer.

    Args:
        room: Slots of the device.
        learning: Experts that learn.
        answering: Experts that answer.
        hot: Who is in the hot places now; nobody when left out.
        changed: Those of them who have learned there; others need not be copied back when they leave.
        heat: How often an expert had something to do: the hottest get the hot places that are free, and who has fallen behind leaves.
        farewell: Whether all hot ones return, so that the host knows all there is.
    """
    places, heat = list(hot) or [None] * (room.hot * room.group), heat or {}
    staying = {expert for expert in places if expert is not None}
    touched = sorted({*learning, *answering})
    others = [each for each in touched if each not in staying]
    newcomers = () if farewell else _seated(places, others, heat)
    busy, newer = _Busy(frozenset(learning), frozenset(answering)), {*changed, *learning}
    passing = sorted(set(others).difference(newcomers), key=busy.turn)
    leaving = staying if farewell else _outranked(staying, passing, heat)
    after = tuple(None if expert in leaving else expert for expert in places)
    return Pass(
        visits=(*_hot_visits(room, places, busy, newcomers, leaving & newer), *_streamed(room, passing, busy)),
        hot=after,
        changed=frozenset(expert for expert in after if expert in newer),
    )


@dataclass(frozen=True, slots=True)
class _Busy:
    learning: frozenset[int]
    answering: frozenset[int]

    def turn(self, expert: int) -> tuple[bool, bool, int]:
        """Whose turn comes before whose: those who have both to do, those who learn, those who answer."""
        return expert not in self.learning, expert not in self.answering, expert

    def visit(self, slot: int, experts: Sequence[int | None], comes: tuple[int, ...], goes: tuple[int, ...]) -> Visit:
        return Visit(
            slot=slot,
            experts=tuple(experts),
            comes=comes,
            learns=_places(experts, self.learning),
            answers=_places(experts, self.answering),
            goes=goes,
        )


def _seated(places: list[int | None], candidates: Sequence[int], heat: Mapping[int, int]) -> frozenset[int]:
    """Fill the free places with the hottest candidates; who was seated."""
    free = [place for place, expert in enumerate(places) if expert is None]
    hottest = sorted(candidates, key=lambda expert: (-heat.get(expert, 0), expert))[: len(free)]
    for place, expert in zip(free, sorted(hottest), strict=False):
        places[place] = expert
    return frozenset(hottest)


def _outranked(seated: Collection[int], others: Sequence[int], heat: Mapping[int, int]) -> set[int]:
    """Those who are seated while others who are at work are clearly hotter; the coldest make room for the hottest, by the next pass."""
    if not seated:
        return set()
    coldest = sorted(seated, key=lambda expert: (heat.get(expert, 0), expert))
    hottest = sorted(others, key=lambda expert: (-heat.get(expert, 0), expert))
    return {old for old, new in zip(coldest, hottest, strict=False) if heat.get(new, 0) >= heat.get(old, 0) + _HOTTER}


def _hot_visits(
    room: Room, places: Sequence[int | None], busy: _Busy, newcomers: Collection[int], returning: Collection[int]
) -> Iterator[Visit]:
    """Hot slots come first: while their experts compute, the first of the others are on their way."""
    for number in range(room.hot):
        experts = places[number * room.group : (number + 1) * room.group]
        visit = busy.visit(room.streaming + number, experts, _places(experts, newcomers), _places(experts, returning))
        if visit.learns or visit.answers or visit.goes:
            yield visit


def _streamed(room: Room, passing: Sequence[int], busy: _Busy) -> Iterator[Visit]:
    """The others pass through the streaming slots in turn; one that only answers is not changed, and need not return."""
    rest = iter(passing)
    for number in count():
        experts = tuple(islice(rest, room.group))
        if not experts:
            return
        goes = _places(experts, busy.learning)
        yield busy.visit(number % room.streaming, experts, tuple(range(len(experts))), goes)


def _places(experts: Sequence[int | None], chosen: Collection[int]) -> tuple[int, ...]:
    return tuple(place for place, expert in enumerate(experts) if expert in chosen)
