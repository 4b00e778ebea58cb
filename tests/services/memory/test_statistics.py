"""Sums over records, whatever backend has them."""

from tandem.memory.v1.memory_pb2 import Record
from tandem_memory.acceptance.values import check_money
from tandem_memory.rules.statistics import Tally


def test_money_is_added_exactly() -> None:
    """The largest amount that is taken in and the smallest, a thousand times each."""
    most, least, tally = f"{'9' * 18}.{'9' * 18}", f"0.{'0' * 17}1", Tally()
    for amount in [most, least] * 1000:
        check_money("cost_usd", amount)
        tally.count(Record(cost_usd=amount))
    assert tally.told(dimension=0, embedding="", changes=0).by_source[""].cost_usd == f"1{'0' * 21}.{'0' * 18}"


def test_what_costs_nothing_is_told_from_what_does_not_say() -> None:
    """The one is a sum of nothing, the other has none."""
    tally = Tally()
    tally.count(Record(source="free", cost_usd="0"))
    tally.count(Record(source="unsaid"))
    told = tally.told(dimension=0, embedding="", changes=0).by_source
    assert (told["free"].cost_usd, told["unsaid"].cost_usd) == ("0", "")
