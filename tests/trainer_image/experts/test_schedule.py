"""A pass visits everybody who has something to do once, through a fixed number of slots."""

from hypothesis import given
from hypothesis import strategies as st
from tandem_trainer.experts.moving.schedule import Pass, plan
from tandem_trainer.experts.sizes import Room

EXPERTS = st.sets(st.integers(0, 40), max_size=30)
ROOMS = st.builds(Room, streaming=st.integers(3, 5), hot=st.integers(0, 3), group=st.integers(1, 4))


def _who(made: Pass, what: str) -> list[int]:
    return sorted(visit.experts[place] or 0 for visit in made.visits for place in getattr(visit, what))


@given(room=ROOMS, rounds=st.lists(st.tuples(EXPERTS, EXPERTS), min_size=1, max_size=6))
def test_everybody_has_a_turn_and_what_learned_is_not_lost(room: Room, rounds: list[tuple[set[int], set[int]]]) -> None:
    """All have one turn; who was not here comes in; only who learned returns; the host's row is old only while its expert is hot."""
    hot: tuple[int | None, ...] = ()
    newer_on_device: set[int] = set()
    heat: dict[int, int] = {}
    for number, (learning, answering) in enumerate(rounds):
        last = number == len(rounds) - 1
        made = plan(room, learning=learning, answering=answering, hot=hot, changed=newer_on_device, heat=heat, farewell=last)
        assert (_who(made, "learns"), _who(made, "answers")) == (sorted(learning), sorted(answering))
        there = {expert for expert in hot if expert is not None}
        assert _who(made, "comes") == sorted((learning | answering) - there)
        assert set(_who(made, "goes")) <= newer_on_device | learning
        newer_on_device = (newer_on_device | learning) - set(_who(made, "goes"))
        assert newer_on_device == made.changed <= {expert for expert in made.hot if expert is not None}
        assert all(0 <= visit.slot < room.slots and len(visit.experts) <= room.group for visit in made.visits)
        hot = made.hot
        heat.update({expert: heat.get(expert, 0) + expert % 3 for expert in learning | answering})
    assert not newer_on_device


@given(room=ROOMS, experts=EXPERTS)
def test_neighbours_never_share_a_slot(room: Room, experts: set[int]) -> None:
    """While one slot computes, the one before goes out and the one after comes in."""
    streamed = [visit.slot for visit in plan(room, learning=experts, answering=experts).visits if visit.slot < room.streaming]
    assert all(len(set(streamed[at : at + 3])) == len(streamed[at : at + 3]) for at in range(len(streamed)))


def test_the_hottest_stay() -> None:
    """Two hot places go to those that had most to do, and are kept in the next pass, even by one that has nothing to do there."""
    made = plan(Room(hot=2), learning=(), answering=range(5), heat={0: 1, 3: 7, 4: 5})
    assert made.hot == (3, 4)
    again = plan(Room(hot=2), learning=(0, 3), answering=(1,), hot=made.hot, heat={1: 5, 3: 8, 4: 5})
    assert again.hot == (3, 4)
    assert (_who(again, "comes"), _who(again, "goes")) == ([0, 1], [0])


def test_who_has_fallen_behind_makes_room() -> None:
    """Somebody at work is clearly hotter: the coldest leaves, and is copied back if it learned; its place is taken in the next pass."""
    heat = {1: 9, 3: 8, 4: 5}
    made = plan(Room(hot=2), learning=(), answering=(1, 3), hot=(3, 4), changed=(3, 4), heat=heat)
    assert (made.hot, _who(made, "goes"), made.changed) == ((3, None), [4], {3})
    unchanged = plan(Room(hot=2), learning=(), answering=(1, 3), hot=(3, 4), changed=(3,), heat=heat)
    assert (unchanged.hot, _who(unchanged, "goes"), unchanged.changed) == ((3, None), [], {3})
    assert plan(Room(hot=2), learning=(), answering=(1, 3), hot=made.hot, heat=heat).hot == (3, 1)


def test_those_who_have_the_same_to_do_share_slots() -> None:
    """Every second expert learns and every third answers: no slot that passes has one of both kinds, but where a kind ends."""
    made = plan(Room(group=4), learning=range(0, 24, 2), answering=range(0, 24, 3))
    kinds = [(place in visit.learns, place in visit.answers) for visit in made.visits for place in range(len(visit.experts))]
    assert kinds == [(True, True)] * 4 + [(True, False)] * 8 + [(False, True)] * 4
