"""The quality-cost curve: policies against a coin and an oracle."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from pytest import approx  # noqa: PT013 - reads like mathematics
from tandem_reasoning.routing.decision import Arm, Mode
from tandem_reasoning.routing.policies.fixed import Cloud, Local
from tandem_reasoning.routing.replay.curve import Curve, Point, between, oracle
from tandem_reasoning.routing.replay.evaluation import evaluate
from tandem_reasoning.routing.replay.log import Logged, Outcome

from tests.services.reasoning.routing.knowing import known

LOCAL, CLOUD = Point("local", 0, 0.5), Point("cloud", 100, 0.9)
ROUTER = Point("router", 50, 0.85)
CURVE = Curve(local=LOCAL, cloud=CLOUD, points=(ROUTER,))


def test_a_coin_lies_on_the_line_between_both_lanes() -> None:
    """At each lane's cost it is worth what the lane is; beyond them no more."""
    assert [CURVE.random_at(cost) for cost in (0, 50, 100, 200)] == approx([0.5, 0.7, 0.9, 0.9])
    assert CURVE.over_random(ROUTER) == approx(0.15)
    assert (CURVE.over_random(LOCAL), CURVE.over_random(CLOUD)) == (approx(0), approx(0))


def test_what_a_router_recovers_and_costs() -> None:
    """Seven eighths of the gap, for half the price; with no gap or no price there is no part of it."""
    assert CURVE.pgr(ROUTER) == approx(0.875)
    assert CURVE.cost_part(ROUTER) == 0.5
    same = Curve(local=LOCAL, cloud=Point("cloud", 0, 0.5), points=())
    assert (same.pgr(LOCAL), same.cost_part(LOCAL)) == (None, None)
    assert same.random_at(10) == 0.5


def test_the_price_of_nearly_all_quality() -> None:
    """95 % of 0.9 lies one tenth of the way from the router to the cloud lane; a mixture of both reaches it."""
    assert CURVE.cost_at(0.95) == approx(50 + (0.855 - 0.85) / 0.05 * 50)
    assert CURVE.cost_at(0.5) == approx(0)
    assert CURVE.cost_at(1.1) is None


@given(st.lists(st.builds(Point, st.just("p"), st.floats(0, 200), st.floats(0, 1)), max_size=6), st.floats(0.1, 1))
def test_more_policies_never_make_quality_dearer(points: list[Point], part: float) -> None:
    """Nor does less quality."""
    few, many = Curve(local=LOCAL, cloud=CLOUD, points=()), Curve(local=LOCAL, cloud=CLOUD, points=tuple(points))
    assert many.cost_at(part) <= few.cost_at(part) + 1e-9  # type: ignore[operator]
    assert many.cost_at(part * 0.9) <= many.cost_at(part) + 1e-9  # type: ignore[operator]


def test_an_oracle_pays_only_for_what_the_local_lane_has_wrong() -> None:
    """It is right where either lane is; where one was not asked, that lane is as likely to be right as on questions of the class."""

    def row(local: float, cloud: float | None) -> Logged:
        seen = {Arm.LOCAL: Outcome(local, 0), **({} if cloud is None else {Arm.CLOUD: Outcome(cloud, 100)})}
        return Logged(known=known(0.5), seen=seen, chances={Arm.LOCAL: 1.0, Arm.CLOUD: 1.0 if cloud is None else 0.5})

    def best(rows: Sequence[Logged]) -> Point | None:
        return oracle(evaluate(rows, Local(mode=Mode.SINGLE)), evaluate(rows, Cloud()))

    assert best([row(1, 1), row(0, 1), row(0, 0), row(1, 0)]) == ("oracle", 25, 0.75)
    assert best([row(1, None)]) is None
    hopeless = best([*[row(1, 1), row(0, 0)] * 20, *[row(1, None), row(0, None)] * 20])
    assert hopeless is not None
    assert hopeless.worth == approx(0.5, abs=0.02)  # what the local lane has wrong the cloud lane has, too


def test_the_surest_manner_of_asking_a_lane_stands_for_it() -> None:
    """A vote that was seen everywhere before one call that was seen on a few; without either lane there is no curve."""
    seen = {Arm.VOTE: Outcome(1.0, 0), Arm.CLOUD: Outcome(1.0, 100)}
    rows = [Logged(known=known(), seen=seen, chances=dict.fromkeys(Arm, 1.0))] * 20
    rows += [Logged(known=known(), seen={**seen, Arm.LOCAL: Outcome(0.0, 0)}, chances=dict.fromkeys(Arm, 1.0))] * 5
    local = {"call": evaluate(rows, Local(mode=Mode.SINGLE)), "vote": evaluate(rows, Local())}
    made = between(local, {"cloud": evaluate(rows, Cloud())}, [ROUTER])
    assert made is not None
    assert (made.local, made.cloud, made.points) == (("vote", 0, 1.0), ("cloud", 100, 1.0), (ROUTER,))
    assert between(local, {}, [ROUTER]) is None
