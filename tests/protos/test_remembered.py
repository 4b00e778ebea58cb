"""Answers about tokens are kept for a while, by a clock that tests turn themselves."""

import grpc
import pytest
from tandem_rpc import Caller, Refused
from tandem_rpc.verifiers.remembered import Remembered

from tests.clocks import Clock


class Verifier:
    """Counts what it is asked; knows every token but "nobody"."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.away = False

    def __call__(self, token: str) -> Caller:
        self.asked.append(token)
        if self.away:
            raise Refused(grpc.StatusCode.UNAVAILABLE, "later")
        if token == "nobody":  # noqa: S105 - no secret
            raise Refused(grpc.StatusCode.UNAUTHENTICATED, "not one of ours")
        return Caller(identity=token)


@pytest.fixture
def verifier() -> Verifier:
    return Verifier()


def code_of(verify: Remembered, token: str) -> grpc.StatusCode:
    with pytest.raises(Refused) as caught:
        verify(token)
    return caught.value.code


def test_a_token_is_asked_about_once_a_minute(verifier: Verifier, clock: Clock) -> None:
    """For a minute the answer holds, then it is asked for again."""
    verify = Remembered(verifier, clock, most=9)
    for now in (0, 59):
        clock.now = now
        assert verify("a") == Caller(identity="a")
    assert verifier.asked == ["a"]
    clock.now = 60
    assert verify("a") == Caller(identity="a")
    assert verifier.asked == ["a", "a"]


def test_that_a_token_is_nobodys_is_remembered_for_less(verifier: Verifier, clock: Clock) -> None:
    """A client that asks again every second does not reach the API server every second."""
    verify = Remembered(verifier, clock, most=9)
    for now in (0, 9):
        clock.now = now
        assert code_of(verify, "nobody") is grpc.StatusCode.UNAUTHENTICATED
    clock.now = 10
    assert code_of(verify, "nobody") is grpc.StatusCode.UNAUTHENTICATED
    assert verifier.asked == ["nobody", "nobody"]


def test_what_could_not_be_told_is_not_remembered(verifier: Verifier, clock: Clock) -> None:
    """Nobody is let in, or kept out, for an answer that never came; who is known already goes on for its minute."""
    verify = Remembered(verifier, clock, most=9)
    verify("known")
    verifier.away = True
    assert code_of(verify, "new") is grpc.StatusCode.UNAVAILABLE
    assert verify("known") == Caller(identity="known")
    clock.now += 60
    assert code_of(verify, "known") is grpc.StatusCode.UNAVAILABLE
    verifier.away = False
    assert verify("new") == Caller(identity="new")


def test_memory_is_bounded_and_holds_no_token(verifier: Verifier, clock: Clock) -> None:
    """The one asked about longest ago gives way; what is kept are hashes."""
    verify = Remembered(verifier, clock, most=2)
    for token in ("first", "second", "third"):
        verify(token)
    assert verify.tokens == 2
    verifier.asked.clear()
    for token in ("third", "second", "first"):
        verify(token)
    assert verifier.asked == ["first"]
    assert not any(token.encode() in key for key in verify._said for token in ("first", "second", "third"))
