"""A question that asks for more than is left, because it is long, ends nothing but itself."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tandem_reasoning.coordinator.granting.affording import UNUSUAL, Broke, Dear, Lengths, alone
from tandem_reasoning.ledger import OverBudget, State
from tandem_reasoning.values import Price, Question, Usage

from tests.services.reasoning.coordination import coordinating, items, job, questions, saying, work
from tests.services.reasoning.coordinator.granting.permitting import MOST, answered, lane, permitting, wanted
from tests.services.reasoning.lanes.wire_server import playing

PRICE = Price(input_nano=1, output_nano=1)
USUAL = PRICE.of(MOST)
LONG = "q1"
MORE = 100 * USUAL
PATIENCE_S = 300


@given(usual=st.integers(1, 1000), longer=st.integers(-999, 9999), left=st.integers(0, 9999))
def test_a_long_one_is_refused_alone_where_usual_ones_fit(usual: int, longer: int, left: int) -> None:
    """One that is hardly longer, or shorter, ends the money; so does any where a usual one does not fit."""
    worst = max(1, usual + longer)
    assume(worst > left)
    over = OverBudget(worst_nano=worst, spent_nano=10, reserved_nano=5, cap_nano=left + 10)
    if usual > left or longer <= 0:
        assert not alone(over, PRICE, longer_bytes=longer)
    else:
        assert alone(over, PRICE, longer_bytes=longer) is (worst >= UNUSUAL * usual)


@given(lengths=st.lists(st.integers(0, 10**6)))
def test_the_usual_length_is_that_of_a_question(lengths: list[int]) -> None:
    """At least half of all are no longer; an item that is not known is as long as that."""
    known = Lengths.among({str(number): each for number, each in enumerate(lengths)})
    assert known.longer("another") == 0
    assert not lengths or (known.usual in lengths and 2 * sum(each <= known.usual for each in lengths) >= len(lengths))


def test_others_are_still_paid_for(tmp_path: Path) -> None:
    """The long one is refused, with the words that it fails with; the money ends when a usual call does not fit any more."""

    async def deed() -> None:
        cap_nano = 3 * USUAL
        async with permitting(tmp_path, [lane("cloud", price=PRICE)], cap_nano=cap_nano, longer={LONG: MORE}) as there:
            first, long, *others = await there.leased("one", 4)
            much = replace(MOST, input_tokens=MOST.input_tokens + MORE)
            for _ in range(2):
                refused = await there.permits.permit(replace(wanted(long, lane="cloud"), most=much))
                assert isinstance(refused, Dear)
                assert not refused.elsewhere
                assert "may cost $0.000003 and $0.000000 is left on lane cloud" in refused.why
            for hold in (first, *others):
                go = await there.go(asked := wanted(hold, lane="cloud"))
                paid = replace(answered(), usage=Usage(input_tokens=USUAL, output_tokens=0))
                await there.permits.settle(go.ticket, asked, paid, unused=False)
            assert isinstance(await there.permits.permit(replace(wanted(long, lane="cloud"), most=much)), Broke)
            kinds = [event.kind for event in there.ledger.reader().events()]
            assert kinds == ["QuestionTooDear"]

    asyncio.run(deed())


@pytest.mark.parametrize("on_exhausted", ["LocalOnly", "Suspend"])
def test_a_long_question_goes_on_in_the_local_lane(tmp_path: Path, on_exhausted: str) -> None:
    """All others have the lane that was to answer them, and the money is not said to be gone; a run that stops there gives it up."""
    given_up = int(on_exhausted == "Suspend")
    asked = [Question(id="long", text="?" * 60_000), *questions(11)]

    async def deed() -> None:
        async with playing() as local, playing() as cloud:
            local.answer, cloud.answer = saying("Answer: so"), saying("Answer: so")
            told = job(
                {"local": [local.url], "cloud": [cloud.url]}, budgetUsd="0.05", onExhausted=on_exhausted, routing={"policy": "Cloud"}
            )
            async with coordinating(tmp_path, told, asked) as coordinator:
                await work(coordinator.address, "one")
                status = coordinator.status
                assert (status.done, status.failed, status.reason) == (12 - given_up, given_up, "")
                assert 0 < status.spent_nano <= status.cap_nano

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    by_lane = {each.question.id: each.outcome.lane for each in items(tmp_path / "ledger.sqlite") if each.outcome}
    assert by_lane == ({} if given_up else {"long": "local"}) | {f"q{number}": "cloud" for number in range(11)}


def test_a_long_question_that_nobody_else_can_answer_fails_until_there_is_more_money(tmp_path: Path) -> None:
    """With a reason that says what it may cost and what is left; the others are answered, and asked no more when it is asked again."""
    asked = [Question(id="long", text="?" * 60_000), *questions(11)]

    async def deed(budget_usd: str) -> tuple[int, int, int]:
        """Questions that are answered and that are given up in the end, and how often the lane was asked."""
        async with playing() as cloud:
            cloud.answer = saying("Answer: so")
            told = job({"cloud": [cloud.url]}, budgetUsd=budget_usd, onExhausted="Fail", routing={"policy": "Cloud"})
            async with coordinating(tmp_path, told, asked) as coordinator:
                await work(coordinator.address, "one")
                status = coordinator.status
                assert (status.over, status.reason) == (True, "")
                return status.done, status.failed, len(cloud.asked)

    def came_to(budget_usd: str) -> tuple[int, int, int]:
        return asyncio.run(asyncio.wait_for(deed(budget_usd), PATIENCE_S))

    done, failed, _ = came_to("0.05")
    assert (done, failed) == (11, 1)
    (long,) = [each for each in items(tmp_path / "ledger.sqlite") if each.state is State.FAILED]
    assert long.question.id == "long"
    assert "the call may cost $0.0" in long.reason
    assert "larger budget" in long.reason
    assert came_to("0.04")[:2] == (11, 1)
    done, failed, calls = came_to("5")
    assert (done, failed) == (12, 0)
    assert calls < 11
