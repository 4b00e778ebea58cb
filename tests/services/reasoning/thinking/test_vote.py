"""Votes: who leads, and when asking on is waste."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_reasoning.thinking.scatter import Scatter
from tandem_reasoning.thinking.vote import Enough, decided, joined, plurality, wanted

ANSWERS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=12)


@given(ANSWERS)
def test_the_leader_has_most_votes(answers: list[str]) -> None:
    """Nobody has more, its share and lead are counted, and the voter that stands for it gave it."""
    vote, counts = plurality(answers), Counter(answers)
    assert counts[vote.answer] == max(counts.values())
    assert vote.share == counts[vote.answer] / len(answers)
    assert answers[vote.voter] == vote.answer
    assert vote.ahead == counts[vote.answer] - max([count for answer, count in counts.items() if answer != vote.answer], default=0)
    assert vote.unanimous == (len(counts) == 1)


@given(ANSWERS, st.randoms())
def test_who_voted_first_matters_only_in_a_tie(answers: list[str], random: object) -> None:
    """Shuffled votes have the same counts and share, and the same leader unless two are level."""
    shuffled = list(answers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    vote, other = plurality(answers), plurality(shuffled)
    assert (dict(vote.counts), vote.share, vote.ahead) == (dict(other.counts), other.share, other.ahead)
    assert vote.ahead == 0 or vote.answer == other.answer


def test_a_tie_goes_to_the_stronger_then_to_the_first() -> None:
    """Rank 0 is the strongest; with equal ranks who answered first counts."""
    assert plurality(["a", "b", "b", "a"]).answer == "a"
    assert plurality(["a", "b"], ranks=[1, 0]).answer == "b"
    assert plurality(["a", "b", "b", "a"], ranks=[1, 1, 0, 1]).voter == 2


@pytest.mark.parametrize(
    ("given_so_far", "margin", "more"),
    [
        ("", 2, 2),
        ("aa", 2, 0),
        ("ab", 2, 2),
        ("aab", 2, 1),
        ("aaab", 2, 0),
        ("aaabb", 8, 2),
        ("aaaaa", 8, 0),
        ("aaaabbb", 2, 1),
        ("abcdefgh", 2, 0),
    ],
)
def test_how_many_more_are_asked_of_eight(given_so_far: str, margin: int, more: int) -> None:
    """Enough to settle it if they agree, none when it is settled or all have answered."""
    assert wanted(given_so_far, experts=8, enough=Enough(margin=margin, least=1)) == more


@given(
    answers=st.lists(st.sampled_from("abc"), min_size=12, max_size=12),
    experts=st.integers(1, 12),
    margin=st.integers(1, 12),
    least=st.integers(1, 4),
    spread=st.none() | st.sampled_from([0.01, 0.2, 1.0, 5.0, 100.0]),
)
def test_asking_in_waves_asks_nobody_in_vain(answers: list[str], experts: int, margin: int, least: int, spread: float | None) -> None:
    """As many are asked as by one who asks one by one and stops as soon as he may."""
    asked, enough = 0, Enough(margin=margin, least=least, spread=spread)
    while more := wanted(answers[:asked], experts=experts, enough=enough):
        asked += more
    one_by_one = next(count for count in range(experts + 1) if decided(answers[:count], experts=experts, enough=enough))
    assert asked == one_by_one
    assert asked >= min(least, experts // 2 + 1)


@given(st.lists(st.sampled_from("abc"), min_size=8, max_size=8))
def test_a_full_margin_never_changes_the_result(answers: list[str]) -> None:
    """With a margin of all experts one stops only when the leader cannot be reached: the same as asking everybody."""
    asked = next(count for count in range(9) if decided(answers[:count], experts=8, enough=Enough(margin=8)))
    assert plurality(answers[:asked]).answer == plurality(answers).answer


def test_a_stronger_lane_joins_with_one_vote_and_takes_ties() -> None:
    """It decides where the experts are split, and not against two who agree."""
    assert joined(["a", "b"], "b").answer == "b"
    assert joined(["a", "b"], "c").answer == "c"
    assert joined(["a", "a"], "c").answer == "a"


def test_adaptive_asking_saves_half_the_calls() -> None:
    """On 8,000 questions that correlate as measured, two ahead of at least three asks half of eight experts for half a point at most."""
    draws = random.Random(0)
    every, adaptive, calls, items = 0, 0, 0, 8000
    for _ in range(items):
        skill = draws.betavariate(0.6, 0.2)  # single calls right in 3 of 4, eight experts worth 1.6
        answers = ["right" if draws.random() < skill else draws.choice(["wrong", "off"]) for _ in range(8)]
        asked = next(count for count in range(9) if decided(answers[:count], experts=8, enough=Enough(margin=2)))
        calls += asked
        every += plurality(answers).answer == "right"
        adaptive += plurality(answers[:asked]).answer == "right"
    assert calls <= 0.5 * 8 * items
    assert adaptive >= every - 0.005 * items


def test_two_who_agree_are_not_believed() -> None:
    """A third is asked at once with them, unless two are all there are."""
    assert [wanted(said, experts=8, enough=Enough(margin=2)) for said in ("", "aa", "aaa", "aab")] == [3, 1, 0, 1]
    assert wanted("", experts=2, enough=Enough(margin=2)) == 2


def test_how_such_questions_went_decides() -> None:
    """Where experts agree two are enough, where they half agree more are asked, and where each says something else nobody is asked on."""
    asked = {
        spread: [wanted(said, experts=8, enough=Enough(margin=2, least=2, spread=spread)) for said in ("aa", "ab", "aab", "abcde")]
        for spread in (0.02, 1.0, 1000.0)
    }
    assert asked[0.02][0] == 0
    assert asked[0.02][1] > 0
    assert all(asked[1.0][:3])
    assert asked[1000.0] == [0, 0, 0, 0]


def test_learned_asking_saves_more_where_experts_agree() -> None:
    """On kinds of questions that experts know and that nobody does, half as many are asked as by a lead of two; as many are right."""
    draws = random.Random(0)
    kinds = {"known": lambda: "right" if draws.random() < 0.97 else "wrong", "strange": lambda: str(draws.randrange(10**6))}
    scatters, calls, led, right, whole = dict.fromkeys(kinds, Scatter()), 0, 0, 0, 0
    for number in range(1000):
        kind = ("known", "strange")[number % 2]
        answers = [kinds[kind]() for _ in range(8)]
        enough = Enough(margin=2, least=2, spread=scatters[kind].spread)
        asked = next(count for count in range(9) if decided(answers[:count], experts=8, enough=enough))
        scatters[kind] = scatters[kind].seen(asked, len(set(answers[:asked])))
        calls += asked
        led += next(count for count in range(9) if decided(answers[:count], experts=8, enough=Enough(margin=2)))
        right += plurality(answers[:asked]).answer == "right"
        whole += plurality(answers).answer == "right"
    assert 2 * calls <= led
    assert right >= whole - 5
