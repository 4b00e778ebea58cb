"""Verified callers: a service knows who calls, and who is nobody does not get in."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from tandem.telemetry.v1 import telemetry_pb2 as pb
from tandem_rpc import Caller, Refused, RpcSetupError, Server, caller

Start = Callable[..., Server]
CALLERS = {name: Caller(identity=f"system:serviceaccount:{name}:worker", namespace=name) for name in ("a", "b")}
KINDS = {
    "unary": lambda stub: stub.List(pb.ListRequest()),
    "answers": lambda stub: list(stub.Watch(pb.WatchRequest())),
    "requests": lambda stub: stub.Report(iter([pb.ReportRequest()])),
}


def verifier(shown: str) -> Caller:
    """Knows the tokens a and b; is down for "later"."""
    if shown == "later":
        raise Refused(grpc.StatusCode.UNAVAILABLE, "who that is cannot be told now")
    if shown not in CALLERS:
        raise Refused(grpc.StatusCode.UNAUTHENTICATED, "authorization: nobody's token")
    return CALLERS[shown]


def file_of(token: str, folder: Path) -> Path:
    path = folder / token
    path.write_text(token)
    return path


@pytest.mark.parametrize("token", ["a", "b"])
def test_a_method_knows_who_calls(start: Start, service: Any, connect: Callable[..., Any], tmp_path: Path, token: str) -> None:
    """Each call has its own caller, in whichever thread the method runs."""
    seen: list[Caller | None] = []
    service.answer = lambda _, context: seen.append(caller(context)) or pb.ListResponse()
    stub = connect(start(verifier=verifier).port, token_file=file_of(token, tmp_path))
    stub.List(pb.ListRequest())
    stub.List(pb.ListRequest(), timeout=600)  # runs in the thread that keeps the server's deadline
    assert seen == [CALLERS[token]] * 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_of_the_verifier_is_the_answer(start: Start, connect: Callable[..., Any], tmp_path: Path, kind: str) -> None:
    """Its code and line reach the caller of every kind of method, and who is known passes."""
    port = start(verifier=verifier).port
    KINDS[kind](connect(port, token_file=file_of("a", tmp_path)))
    for token, code in (("later", grpc.StatusCode.UNAVAILABLE), ("c", grpc.StatusCode.UNAUTHENTICATED)):
        with pytest.raises(grpc.RpcError) as caught:
            KINDS[kind](connect(port, token_file=file_of(token, tmp_path)))
        assert caught.value.code() is code
    with pytest.raises(grpc.RpcError) as caught:
        KINDS[kind](connect(port))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_slow_verifier_holds_up_nobody_else(start: Start, connect: Callable[..., Any], tmp_path: Path) -> None:
    """While it ponders one token, calls with another are answered."""
    asked, go = threading.Event(), threading.Event()

    def slow_for_a(shown: str) -> Caller:
        if shown == "a":
            asked.set()
            go.wait(600)
        return verifier(shown)

    port = start(verifier=slow_for_a).port
    waiting = connect(port, token_file=file_of("a", tmp_path)).List.future(pb.ListRequest(), timeout=600)
    assert asked.wait(300)
    connect(port, token_file=file_of("b", tmp_path)).List(pb.ListRequest())
    assert not waiting.done()
    go.set()
    waiting.result(60)


def test_who_shares_a_token_is_nobody_in_particular(start: Start, service: Any, connect: Callable[..., Any], token_file: Path) -> None:
    """With a token file there is no Caller to ask for."""
    seen: list[Caller | None] = []
    service.answer = lambda _, context: seen.append(caller(context)) or pb.ListResponse()
    connect(start(token_file=token_file).port, token_file=token_file).List(pb.ListRequest())
    assert seen == [None]


def test_a_verifier_takes_the_place_of_a_token_file(start: Start, token_file: Path) -> None:
    """Both together are a mistake: it would not be clear which of them lets in."""
    with pytest.raises(RpcSetupError, match="give one of the two"):
        start(token_file=token_file, verifier=verifier)


def test_a_verifier_that_looks_like_nothing_verifies_all_the_same(start: Start, connect: Callable[..., Any]) -> None:
    """What counts is that one was given, not whether Python takes it for empty."""

    class Empty:
        def __call__(self, shown: str) -> Caller:
            return verifier(shown)

        def __len__(self) -> int:
            return 0

    with pytest.raises(grpc.RpcError) as caught:
        connect(start(verifier=Empty()).port).List(pb.ListRequest())
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
