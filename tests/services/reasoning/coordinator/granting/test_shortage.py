"""When the money is at its end, for which lanes, and whether that is the end of the run."""

from decimal import Decimal
from typing import Any

import pytest
from tandem_reasoning.coordinator.granting.affording import Broke
from tandem_reasoning.coordinator.granting.shortage import Shortage
from tandem_reasoning.ledger import Books, Sums

from tests.services.reasoning.coordination import job

CAP = 100
BY_HOUR = {"usd_per_hour": Decimal(1)}
BY_TOKEN = {"usd_per_million_input_tokens": Decimal(1)}


class Spending:
    """Books in which only the spend changes."""

    def __init__(self) -> None:
        self.nano = 0

    def __call__(self) -> Sums:
        return Sums(cap_nano=CAP, total=Books(spent_nano=self.nano), lanes={}, items={})


def shortage(spending: Spending, *, then: str = "LocalOnly", **local: Decimal) -> Shortage:
    """Of a run with two cloud lanes and a local one at such a price."""
    told = job({"local": ["http://a"], "cloud": ["http://b"], "cloud-2": ["http://c"]}, onExhausted=then)
    lanes = tuple(lane.model_copy(update=local) if lane.name == "local" else lane for lane in told.lanes)
    return Shortage(told.model_copy(update={"lanes": lanes}), spending)


@pytest.mark.parametrize(
    ("then", "local", "halts"), [("LocalOnly", {}, False), ("LocalOnly", BY_TOKEN, True), ("Suspend", {}, True), ("Fail", {}, True)]
)
def test_a_call_that_does_not_fit_is_the_end_of_its_lane(then: str, local: dict[str, Any], *, halts: bool) -> None:
    """And of the run where it is to stop, or has no lane to go on with that costs nothing by the token."""
    spending = Spending()
    short = shortage(spending, then=then, **local)
    assert (short.lanes, short.why, short.halts) == ([], "", False)
    spending.nano = 60
    short.refused("cloud", Broke(why="too much", worst_nano=50))
    assert (short.lanes, short.why, short.halts) == (["cloud"], "too much", halts)


def test_money_that_comes_back_is_there_again() -> None:
    """As when a call that nobody could tell about turns out to have cost less than was set aside: the cheapest one tells."""
    spending = Spending()
    short = shortage(spending, then="Suspend")
    spending.nano = 60
    for worst in (50, 45, 90):
        short.refused("cloud", Broke(why=str(worst), worst_nano=worst))
    assert (short.halts, short.why) == (True, "45")
    spending.nano = 55
    assert (short.lanes, short.why, short.halts) == ([], "", False)


def test_no_budget_holds_beside_a_lane_that_costs_by_the_hour() -> None:
    """Local or not, asked or not: once all is spent the run stops, and not before."""
    spending = Spending()
    short = shortage(spending, **BY_HOUR)
    spending.nano = CAP - 1
    short.refused("cloud", Broke(why="too much", worst_nano=50))
    assert not short.halts
    spending.nano = CAP
    assert short.halts
    assert "by the hour" in short.why
