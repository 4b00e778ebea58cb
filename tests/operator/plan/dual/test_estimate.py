"""The most that a DualRun can come to is reckoned from its questions, experts, rounds and prices."""

from datetime import timedelta
from decimal import Decimal

from tandem_operator.plan.dual.estimate import estimate, most_call_usd, reach

from tests.operator.plan.dual.runs import LOCAL, dual


def test_the_bound_is_questions_times_rounds_times_experts() -> None:
    """Ten questions of ten tokens, eight experts in two rounds: 160 calls, each round after the first reading all of the one before."""
    found = estimate(dual(thinking={"bare": True, "maxTokens": 5}, maxSteps=2), ["x" * 40, "y" * 40], 10)
    assert (found.question_tokens, found.calls, found.output_tokens) == (10, 160, 800)
    assert found.input_tokens == 160 * 10 + 10 * 8 * 8 * 5


def test_each_lane_is_reckoned_as_if_it_answered_all() -> None:
    """Dollars by its own prices; time by whichever of its limits is the tighter; nothing where it has none."""
    found = estimate(dual(thinking={"bare": True, "maxTokens": 1000}, maxSteps=1), ["x" * 400], 100)
    cloud, local = found.lanes
    assert cloud.usd == (Decimal("0.1") * 80_000 + Decimal("0.4") * 800_000) / 1_000_000
    assert cloud.least == timedelta(minutes=8.8)  # 880,000 tokens at 100,000 a minute; its 800 calls would take 80 s
    assert (local.usd, local.least) == (0, None)


def test_what_is_set_aside_for_a_call_counts_each_byte_as_a_token() -> None:
    """Four times what it is likely to read, and as much as it may write: on the dearest lane, or nothing where none costs anything."""
    spec = {"thinking": {"bare": True, "maxTokens": 1000}, "maxSteps": 1}
    found = estimate(dual(**spec), ["x" * 400], 100)
    assert most_call_usd(found) == (Decimal("0.1") * 400 + Decimal("0.4") * 1000) / 1_000_000
    free = dual(**spec, lanes=[LOCAL], budget={})
    assert (most_call_usd(estimate(free, ["x"], 1)), most_call_usd(None)) == (0, 0)


def test_a_budget_reaches_for_what_the_dearest_lane_takes_for_a_question() -> None:
    """Whole questions, and never more than there are; free lanes need no money."""
    spec = {"thinking": {"bare": True, "maxTokens": 1000}, "maxSteps": 1}
    found = estimate(dual(**spec), ["x" * 400], 100)
    each = found.lanes[0].usd / 100
    assert [reach(found, each * times) for times in (7, 700, Decimal("0.9"))] == [(found.lanes[0], count) for count in (7, 100, 0)]
    assert reach(estimate(dual(**spec, lanes=[LOCAL], budget={}), ["x"], 1), Decimal(1)) is None
