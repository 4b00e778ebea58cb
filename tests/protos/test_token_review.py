"""Whose a token is, as the API server says; and nobody's as long as it says nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from tandem_rpc import Caller, Refused, RpcSetupError
from tandem_rpc.verifiers.token_review import ApiServer, TokenReview

from tests.protos.authority import authority, needs_openssl
from tests.protos.token_reviewer import AUDIENCE, OUR_TOKEN, Reviewer, of, reviewing

pytestmark = needs_openssl
WORKER = "system:serviceaccount:team:worker"


@pytest.fixture
def reviewer(tmp_path: Path) -> Iterator[Reviewer]:
    with reviewing(tmp_path, authority(tmp_path / "ours")) as made:
        made.known["workers"] = of(WORKER)
        yield made


@pytest.fixture
def verify(reviewer: Reviewer) -> TokenReview:
    return TokenReview(ApiServer(url=reviewer.url, account=reviewer.account), AUDIENCE)


def refused(call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(Refused) as caught:
        call()
    assert "\n" not in caught.value.message
    return caught.value.code, caught.value.message


def test_the_api_server_says_whose_a_token_is(verify: TokenReview, reviewer: Reviewer) -> None:
    """It is asked with our own token for our own audience, and answers with a name; service accounts have a namespace."""
    reviewer.known["admins"] = of("admin")
    assert verify("workers") == Caller(identity=WORKER, namespace="team")
    assert verify("admins") == Caller(identity="admin")
    path, authorization, review = reviewer.asked[0]
    assert (path, authorization) == ("/apis/authentication.k8s.io/v1/tokenreviews", f"Bearer {OUR_TOKEN}")
    assert review["kind"] == "TokenReview"
    assert review["spec"] == {"token": "workers", "audiences": [AUDIENCE]}


def test_our_own_token_may_be_renewed(verify: TokenReview, reviewer: Reviewer) -> None:
    """Kubelet replaces it every hour; the next question is asked with the new one."""
    (reviewer.account / "token").write_text("old\n")
    assert refused(lambda: verify("workers"))[0] is grpc.StatusCode.UNAVAILABLE
    (reviewer.account / "token").write_text(f"{OUR_TOKEN}\n")
    assert verify("workers").identity == WORKER


@pytest.mark.parametrize("audiences", [("https://kubernetes.default.svc",), ("",)])
def test_a_token_for_somebody_else_is_none_of_ours(verify: TokenReview, reviewer: Reviewer, audiences: tuple[str, ...]) -> None:
    """Genuine or not: its audience must be ours, also where the API server knows no audiences."""
    reviewer.known["others"] = of(WORKER, *audiences)
    code, message = refused(lambda: verify("others"))
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert AUDIENCE in message


def test_a_token_of_nobody_is_refused_without_being_repeated(verify: TokenReview) -> None:
    """The line says what to send, and not what was sent."""
    code, message = refused(lambda: verify("forged-token"))
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert "forged-token" not in message


@pytest.mark.parametrize(
    ("instead", "said"),
    [
        ((500, b"{}"), "500"),
        ((429, b"{}"), "429"),
        ((403, b"{}"), "system:auth-delegator"),
        ((201, b"<html>"), "ValidationError"),
        ((201, b'{"status": {"authenticated": "who knows"}}'), "ValidationError"),
    ],
)
def test_nobody_is_let_in_while_it_does_not_answer(
    verify: TokenReview, reviewer: Reviewer, instead: tuple[int, bytes], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it says in place of a review, callers are told to try again, the log has it once, and then they are let in."""
    reviewer.instead = instead
    for _ in range(2):
        code, message = refused(lambda: verify("workers"))
        assert code is grpc.StatusCode.UNAVAILABLE
        assert said in message
    assert caplog.text.count(said) == 1
    reviewer.instead = None
    assert verify("workers").identity == WORKER


def test_a_review_without_a_status_lets_nobody_in(verify: TokenReview, reviewer: Reviewer) -> None:
    """What was not said to be genuine is not."""
    reviewer.instead = (201, b"{}")
    assert refused(lambda: verify("workers"))[0] is grpc.StatusCode.UNAUTHENTICATED


def test_who_pretends_to_be_the_api_server_is_not_asked(reviewer: Reviewer, tmp_path: Path) -> None:
    """No token is shown to a server that another authority vouches for, nor to one that is gone."""
    (reviewer.account / "ca.crt").write_bytes(authority(tmp_path / "theirs").certificate.read_bytes())
    verify = TokenReview(ApiServer(url=reviewer.url, account=reviewer.account), AUDIENCE)
    assert refused(lambda: verify("workers"))[0] is grpc.StatusCode.UNAVAILABLE
    gone = TokenReview(ApiServer(url="https://127.0.0.1:9", account=reviewer.account), AUDIENCE)
    assert refused(lambda: gone("workers"))[0] is grpc.StatusCode.UNAVAILABLE
    assert not reviewer.asked


@pytest.mark.parametrize("url", ["http://127.0.0.1", "https://", "https://host:port", "https://host/path"])
def test_an_address_that_cannot_be_is_named(tmp_path: Path, url: str) -> None:
    """At the start, not at the first call."""
    with pytest.raises(RpcSetupError, match="api_server: "):
        TokenReview(ApiServer(url=url, account=tmp_path), AUDIENCE)


def test_without_a_service_account_it_does_not_start(tmp_path: Path) -> None:
    """The line says which file is absent."""
    with pytest.raises(RpcSetupError, match=f"service_account: {tmp_path}/token is absent"):
        TokenReview(ApiServer(url="https://127.0.0.1", account=tmp_path), AUDIENCE)
