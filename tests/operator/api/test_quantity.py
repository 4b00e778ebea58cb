"""Amounts: the same texts and numbers are one here and for an API server, and come to the same."""

import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tandem_operator.api.quantity import amount

from tests.operator.api.api_server import ApiServer
from tests.operator.api.mistakes import SPEC
from tests.operator.api.quantities import quantity
from tests.operator.api.reading import problems, run_with

texts = st.text("0159.+-eEkKMGTPinum ", max_size=8)
amounts = st.from_regex(r"\A([0-9]{1,6}[.]?[0-9]{0,3}|[.][0-9]{1,3})(n|u|m|[kMGTPE]|[KMGTPE]i)?\Z")


@given(written=texts | amounts | st.integers(-(2**64), 2**64) | st.floats() | st.booleans())
@example("Gi")
@example("+.5k")
@example("1e3")
@example("8Ei")
@example("1E")
@example("1E3")
@example("Ei")
@example(2**63)
@example(0)
def test_both_take_the_same_amounts(training_runs: ApiServer, written: Any) -> None:
    """As Kubernetes writes them, less signs and exponents: whole numbers, and texts."""
    run = run_with({**SPEC, "pod": {"cpu": written}})
    assert bool(problems(run)) == bool(training_runs.refusals(run)), problems(run)


@given(text=amounts)
def test_they_come_to_the_same(text: str) -> None:
    """What is reckoned from an amount is what a scheduler reckons."""
    assert math.isclose(amount(text), quantity(text))


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("4", 4), (".5", 0.5), ("5.", 5), ("100m", 0.1), ("1.5Gi", 1.5 * 2**30), ("2k", 2000), ("4Ei", 4 * 2**60), ("1E", 10**18)],
)
def test_units_are_those_of_kubernetes(text: str, bytes_: float) -> None:
    """Thousands without an i, powers of 1,024 with one."""
    assert float(amount(text)) == bytes_
