"""What a provider takes and what it refuses, without a clock: limits, credit, keys, and chance that is none."""

from hypothesis import given
from hypothesis import strategies as st
from tandem_reasoning.values import Price, Usage

from tests.services.reasoning.faults.account import Account
from tests.services.reasoning.faults.bucket import Bucket
from tests.services.reasoning.faults.faults import Faults, fate
from tests.services.reasoning.faults.gate import Gate


def status(gate: Gate, now: float, *, tokens: int = 0, key: str = "", spent_nano: int = 0) -> int:
    """How a call at `now` ends."""
    refused = gate.refuses(authorization=f"Bearer {key}", spent_nano=spent_nano, tokens=tokens, now=now)
    return refused.status if refused else 200


@given(gaps=st.lists(st.floats(0, 3), max_size=200), burst_s=st.floats(0.1, 10))
def test_no_minute_takes_more_than_its_limit_and_one_burst(gaps: list[float], burst_s: float) -> None:
    """However calls arrive, in no stretch of time are more taken than flows in, and what the bucket held."""
    gate, now, taken = Gate(Faults(requests_per_minute=60, burst_s=burst_s), opened=0.0), 0.0, list[float]()
    for gap in gaps:
        now += gap
        if status(gate, now) == 200:
            taken.append(now)
    for index, begin in enumerate(taken):
        for count, end in enumerate(taken[index:], start=1):
            assert count <= (end - begin) + max(1.0, burst_s) + 1e-6


def test_a_caller_who_waits_as_told_is_taken() -> None:
    """Retry-After is the truth: at that moment the call is taken, and not a tenth of a second before."""
    gate = Gate(Faults(requests_per_minute=30, burst_s=2), opened=0.0)
    assert status(gate, 100.0) == 200
    refused = gate.refuses(authorization="", spent_nano=0, tokens=0, now=100.0)
    assert refused
    wait_s = int(refused.headers["retry-after-ms"]) / 1000
    assert int(refused.headers["Retry-After"]) >= wait_s
    assert status(gate, 100.0 + wait_s - 0.1) == 429
    assert status(gate, 100.0 + wait_s) == 200


def test_tokens_are_corrected() -> None:
    """A call takes what was estimated, and gives back what it did not use."""
    gate = Gate(Faults(tokens_per_minute=600, burst_s=10), opened=0.0)
    assert status(gate, 0.0, tokens=100) == 200
    assert status(gate, 0.0, tokens=10) == 429
    gate.correct(estimated=100, used=20, now=0.0)
    assert status(gate, 0.0, tokens=80) == 200
    assert status(gate, 0.0, tokens=1) == 429


def test_a_call_that_is_larger_than_the_bucket_waits_for_a_full_one() -> None:
    """It is taken once the bucket is full, and leaves a debt: else it would never be taken."""
    bucket = Bucket(per_minute=60, size=5)
    bucket.take(5, 0.0)
    assert bucket.wait_s(20, 0.0) == 5.0
    bucket.take(20, 5.0)
    assert bucket.wait_s(1, 5.0) == 16.0


def test_what_is_asked_first() -> None:
    """It loads, then the key counts, then the credit, then the limits; a wrong key uses up no limit."""
    gate = Gate(Faults(warm_up_s=5, key="right", credit_nano=10, requests_per_minute=1, burst_s=60), opened=0.0)
    assert status(gate, 4.9, key="right") == 503
    assert status(gate, 5.0, key="wrong", spent_nano=10) == 401
    assert status(gate, 5.0, key="right", spent_nano=10) == 402
    assert status(gate, 5.0, key="right", spent_nano=9) == 200
    assert status(gate, 5.0, key="right", spent_nano=9) == 429


@given(seed=st.integers(0, 9), bodies=st.lists(st.binary(max_size=8), min_size=1, max_size=20))
def test_chance_does_not_depend_on_the_order(seed: int, bodies: list[bytes]) -> None:
    """The same call, asked for the same time, meets the same fate, whatever was asked before it."""
    faults = Faults(seed=seed, errors=0.3, stalls=0.3, cuts=0.3, latency_s=1.0)
    told = {body: fate(faults, body, 0) for body in bodies}
    assert told == {body: fate(faults, body, 0) for body in reversed(bodies)}


def test_rates_are_kept() -> None:
    """Over many calls, as many fail, stall and break off as was set, and a second try is drawn anew."""
    faults = Faults(errors=0.1, stalls=0.2, stall_s=9.0, cuts=0.3)
    met = [fate(faults, str(number).encode(), time) for number in range(2000) for time in range(2)]
    assert abs(sum(each.error is not None for each in met) / 4000 - 0.1) < 0.02
    assert abs(sum(each.wait_s >= 9 for each in met) / 4000 - 0.2) < 0.02
    assert abs(sum(each.arrives < 1 for each in met) / 4000 - 0.3) < 0.03
    assert {each.error for each in met} == {None, 500, 503}


def test_the_book_adds_up() -> None:
    """What was charged is tokens at their price, delivered or not."""
    account, price = Account(), Price(input_nano=30, output_nano=140)
    account.charge(Usage(input_tokens=10, output_tokens=2), price, delivered=True)
    account.charge(Usage(input_tokens=5, output_tokens=1), price, delivered=False)
    assert (account.spent_nano, account.undelivered_nano) == (15 * 30 + 3 * 140, 5 * 30 + 140)
    assert account.usage == Usage(input_tokens=15, output_tokens=3)
