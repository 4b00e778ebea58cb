"""Single values: what is written is read back, and what cannot be meant is refused."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_operator.api.credentials import holds_secret
from tandem_operator.api.scalars import duration, duration_text
from tandem_operator.api.status import CheckpointStatus, Condition, RunPhase, RunStatus
from tandem_operator.api.training_run import BudgetSpec


@given(seconds=st.integers(0, 10**9))
def test_a_duration_reads_back(seconds: int) -> None:
    """Writing and reading is the identity on whole seconds."""
    assert duration(duration_text(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "90", "1.5h", "-3s", "3 s", "s", "1w", "1s" * 20, 90, None])
def test_what_is_no_duration_is_refused(text: object) -> None:
    """A number without a unit is not guessed at, and an endless time is no time."""
    with pytest.raises(ValueError, match="write"):
        duration(text)


def test_a_length_beyond_all_runs_is_a_thousand_years() -> None:
    """It is read back, and a moment that much later can still be reckoned."""
    longest = duration("9" * 31 + "d")
    assert longest == duration(duration_text(timedelta(days=365_000))) == timedelta(days=365_000)
    assert datetime(2030, 1, 1, tzinfo=UTC) + timedelta(days=365_000)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("https://u:p@h/x", True),
        ("s3://key@bucket/x", True),
        ("user:password@host:1", True),
        ("https://h/x?X-Amz-Signature=1", True),
        ("https://h/x?a=1&api_key=2", True),
        ("https://h/x?api-key=2", True),
        ("https://h/x?key=2", True),
        ("https://h/x?keyword=2", False),
        ("file:///home/a@b/x", False),
        ("s3://bucket/a@b", False),
        ("https://h/x?version=1", False),
        ("/tokenizer.json", False),
    ],
)
def test_credentials_in_an_address_are_seen(text: str, *, secret: bool) -> None:
    """A user before the host, or a key in the query; an @ in a path is a letter like any other."""
    assert holds_secret(text) is secret


def test_dollars_are_decimal() -> None:
    """0.1 means a dime, not the nearest binary fraction."""
    assert BudgetSpec.model_validate({"usd": 0.1, "usdPerWorkerHour": 3}).usd == Decimal("0.1")


times = st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis sets the zone
amounts = st.decimals(0, 10**6, places=9)
numbers = st.none() | st.floats()
statuses = st.builds(
    RunStatus,
    phase=st.sampled_from(RunPhase),
    attempt=st.integers(0, 9),
    started_at=st.none() | times,
    spent_usd=amounts,
    loss=numbers,
    tokens_per_second=numbers,
    checkpoint=st.none() | st.builds(CheckpointStatus, step=st.integers(0, 9), uri=st.text(max_size=5), at=times),
    conditions=st.lists(
        st.builds(lambda said, at: Condition(type=said, status="True", reason=said, last_transition_time=at), st.text(max_size=3), times),
        max_size=2,
    ).map(tuple),
)


@given(status=statuses)
def test_a_status_reads_back(status: RunStatus) -> None:
    """Status goes through JSON unchanged, money to the last digit; a loss that is no number is none."""
    written = status.model_dump_json(by_alias=True, exclude_none=True)
    json.loads(written, parse_constant=pytest.fail)  # NaN and infinities, which are no JSON
    assert RunStatus.model_validate_json(written) == status


def test_small_amounts_are_written_without_exponent() -> None:
    """The CRD takes plain digits only."""
    assert RunStatus(spent_usd=Decimal("1E-7")).model_dump(mode="json")["spent_usd"] == "0.0000001"
