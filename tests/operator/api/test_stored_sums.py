"""Sums that nobody means are refused where somebody hands them in; a run that is stored with one is read as it is, and cared for."""

from decimal import Decimal
from typing import Any

import pytest
from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.reading.run_file import as_far_as_known, from_object, refused_at_entry
from tandem_operator.api.training_run import TrainingRun

from tests.operator.api.mistakes import SPEC
from tests.operator.api.reading import problems, run_with
from tests.operator.api.test_dual_run import CLOUD, LOCAL, dual

SAID = "is too large: write 1000000000 or less"
PRICES = ("usdPerMillionInputTokens", "usdPerMillionOutputTokens", "usdPerHour")


def _stored(run: dict[str, Any]) -> dict[str, Any]:
    return {**run, "metadata": {**run["metadata"], "uid": "u"}}


@pytest.mark.parametrize("usd", [2e9, 1e300])
@pytest.mark.parametrize("field", ["usd", "usdPerWorkerHour"])
def test_the_budget_of_a_stored_run_is_read(field: str, usd: float) -> None:
    """Also where a field of a newer release stands beside it."""
    run = run_with({**SPEC, "budget": {field: usd}})
    (told,) = problems(run)
    assert told.startswith(f"spec.budget.{field}: ")
    assert told.endswith(SAID)
    kept = from_object(_stored(run))
    assert isinstance(kept, TrainingRun)
    known = as_far_as_known(_stored({**run, "spec": {**run["spec"], "newer": 1}}), TrainingRun)
    assert known == kept
    assert (kept.spec.budget.usd or kept.spec.budget.usd_per_worker_hour) == Decimal(str(usd))
    assert [line.endswith(SAID) for line in refused_at_entry(kept)] == [True]


def test_the_lanes_of_a_stored_run_are_read() -> None:
    """Whatever they cost, and whatever the budget is."""
    told = dual(budget={"usd": 2e9}, lanes=[{**CLOUD, "price": dict.fromkeys(PRICES, 2e9)}, LOCAL])
    assert [line.endswith(SAID) for line in problems(told)] == [True] * (1 + len(PRICES))
    kept = from_object(_stored(told))
    assert isinstance(kept, DualRun)
    assert kept.spec.budget.usd == Decimal(2_000_000_000)
    assert as_far_as_known(_stored(told), DualRun) == kept


@pytest.mark.parametrize("usd", [0, -1, 1e400])
def test_what_is_no_sum_is_none_even_where_it_is_stored(usd: float) -> None:
    """Only the largest sum is a matter of handing in."""
    assert as_far_as_known(_stored(run_with({**SPEC, "budget": {"usd": usd}})), TrainingRun) is None
