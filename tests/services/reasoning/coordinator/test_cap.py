"""What a budget comes to in the books."""

from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from tandem_reasoning.ledger import Ledger

from tests.services.reasoning.distilling.books import JOB


@pytest.mark.parametrize(("usd", "nano"), [("2.5", 2_500_000_000), ("2e9", 2 * 10**18), ("1e300", 2**63 - 1)])
def test_books_are_kept_under_any_budget_that_a_run_is_stored_with(tmp_path: Path, usd: str, nano: int) -> None:
    """One beyond their numbers limits as much as the largest of them does."""
    cap_nano = JOB.model_copy(update={"budget_usd": Decimal(usd)}).cap_nano
    with closing(Ledger(tmp_path / "ledger.sqlite", run="run", cap_nano=cap_nano)) as ledger:
        assert ledger.sums.cap_nano == nano
