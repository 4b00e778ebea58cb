"""What answers mean, and objects in which anything may be missing."""

import json

import pytest
from tandem_operator.cluster.kube.document import part, parts, text
from tandem_operator.cluster.kube.errors import KubeError


def answered(status: int, *, reason: str = "", message: str = "", **headers: str) -> KubeError:
    body = json.dumps({"kind": "Status", "reason": reason, "message": message}).encode()
    return KubeError.answered(status, {name.replace("_", "-").title(): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    ("error", "is_so"),
    [
        (answered(404), {"gone"}),
        (answered(409, reason="Conflict"), {"conflict"}),
        (answered(409, reason="AlreadyExists"), {"conflict", "exists"}),
        (answered(410), {"expired"}),
        (answered(400, reason="Expired"), {"expired", "refused"}),
        (answered(400), {"refused"}),
        (answered(403), {"refused"}),
        (answered(422), {"refused"}),
        (answered(401), set()),
        (answered(429), {"postponed"}),
        (answered(429, retry_after="7"), {"postponed"}),
        (answered(500), set()),
        (answered(503, retry_after="1"), {"postponed"}),
        (answered(504), set()),
        (KubeError.unanswered(TimeoutError()), set()),
    ],
    ids=lambda said: str(sorted(said)) if isinstance(said, set) else str(said),
)
def test_what_an_answer_means(error: KubeError, is_so: set[str]) -> None:
    """Each answer means what it means and nothing else."""
    assert {name for name in ("gone", "conflict", "exists", "expired", "refused", "postponed") if getattr(error, name)} == is_so


def test_what_an_answer_says() -> None:
    """The server's own sentence, how long it wants to be left alone, and the status."""
    error = answered(429, message="slow down", retry_after="7")
    assert (str(error), error.status, error.retry_after_s) == ("slow down", 429, 7)


@pytest.mark.parametrize(
    ("body", "said"),
    [(b"upstream is away", "upstream is away"), (b"", "status 502"), (b"\xff\xfe", "\N{REPLACEMENT CHARACTER}" * 2), (b"[1]", "[1]")],
)
def test_an_answer_that_the_server_did_not_write(body: bytes, said: str) -> None:
    """What stands between us and the server says it in its own way."""
    assert str(KubeError.answered(502, {}, body)) == said


def test_a_date_to_come_again() -> None:
    """Retry-After may be a date (RFC 9110), which we do not read: then the usual wait holds."""
    assert answered(429, retry_after="Fri, 31 Dec 1999 23:59:59 GMT").retry_after_s is None


def test_parts_that_are_missing() -> None:
    """Whatever is missing, or null, is empty."""
    found = {"a": {"b": {"c": "d"}, "list": [{"x": 1}], "null": None}, "number": 5}
    assert part(found, "a", "b") == {"c": "d"}
    assert part(found, "a", "none", "deeper") == part(found, "a", "null") == {}
    assert parts(found, "a", "list") == [{"x": 1}]
    assert parts(found, "a", "null") == parts(found, "b", "list") == []
    assert (text(found, "a", "b", "c"), text(found, "number"), text(found, "a", "null"), text(found, "z", "y")) == ("d", "5", "", "")
