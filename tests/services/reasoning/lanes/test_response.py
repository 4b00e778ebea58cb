"""What a response means, as servers and providers are known to say it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_reasoning.lanes.asking.events import assembled
from tandem_reasoning.lanes.asking.response import most_usage, read
from tandem_reasoning.lanes.outcome import Answered, Failed, Outcome, Trouble
from tandem_reasoning.values import Message, Prompt, Usage

PROMPT = Prompt(messages=(Message(role="user", content="wie heißt es?"),), max_tokens=5)
NOW = 1_796_000_000.0


def outcome(status: int, body: object, headers: dict[str, str] | None = None) -> Outcome:
    whole = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read(status, {"content-type": "application/json", **(headers or {})}, whole, prompt=PROMPT, wall_s=NOW)


def refusal(status: int, body: object, headers: dict[str, str] | None = None) -> Failed:
    found = outcome(status, body, headers)
    assert isinstance(found, Failed)
    return found


def openai(message: str, code: str | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def whole(content: object, **kwargs: object) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return {"choices": [choice], "usage": {"prompt_tokens": 4, "completion_tokens": 2}, **kwargs}


QUOTA = openai("You exceeded your current quota, please check your plan and billing details.", "insufficient_quota", "insufficient_quota")
GEMINI = openai("You exceeded your current quota, please check your plan and billing details. Please retry in 34.07s.")
TOO_LONG = (
    "This model's maximum context length is 512 tokens. However, you requested 530 tokens (514 in the messages, 16 in the completion)."
)


@pytest.mark.parametrize(
    ("status", "body", "trouble"),
    [
        (429, openai("Rate limit reached for requests", "rate_limit_exceeded", "requests"), Trouble.THROTTLED),
        (429, QUOTA, Trouble.EXHAUSTED),
        (429, GEMINI, Trouble.THROTTLED),
        (429, b"", Trouble.THROTTLED),
        (402, {"error": {"message": "This request requires more credits", "code": 402}}, Trouble.EXHAUSTED),
        (402, b"", Trouble.EXHAUSTED),
        (400, openai("You have reached your specified API usage limits. You will regain access on 2026-12-01"), Trouble.EXHAUSTED),
        (403, openai("Insufficient balance: top up your account"), Trouble.EXHAUSTED),
        (403, openai("You have insufficient permissions for this operation"), Trouble.UNAUTHORIZED),
        (403, b"<html>Forbidden</html>", Trouble.UNAUTHORIZED),
        (401, openai("Incorrect API key provided", "invalid_api_key"), Trouble.UNAUTHORIZED),
        (400, openai(TOO_LONG, "context_length_exceeded"), Trouble.TOO_LONG),
        (400, {"object": "error", "message": TOO_LONG, "type": "BadRequestError", "code": 400}, Trouble.TOO_LONG),
        (
            400,
            {"error": "Trying to keep the first 15857 tokens when context the overflows. However, the model is loaded"},
            Trouble.TOO_LONG,
        ),
        (
            400,
            {"error": {"code": 400, "message": "the request exceeds the available context size", "type": "exceed_context_size_error"}},
            Trouble.TOO_LONG,
        ),
        (500, {"error": {"code": 500, "message": "the request exceeds the available context size"}}, Trouble.TOO_LONG),
        (413, b"<html>Request Entity Too Large</html>", Trouble.TOO_LONG),
        (413, openai("Request too large for model in tokens per minute (TPM): Limit 6000, Requested 8000"), Trouble.TOO_LONG),
        (400, {"detail": "Server is pinned to './EC'"}, Trouble.BAD_REQUEST),
        (404, openai("model 'gpt' not found, try pulling it first"), Trouble.BAD_REQUEST),
        (422, {"detail": [{"loc": ["body", "messages"], "msg": "field required"}]}, Trouble.BAD_REQUEST),
        (500, b"Internal Server Error", Trouble.SERVER_ERROR),
        (502, b"<html>Bad Gateway</html>", Trouble.SERVER_ERROR),
        (503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}, Trouble.SERVER_ERROR),
        (504, b"", Trouble.TIMEOUT),
        (524, b"", Trouble.TIMEOUT),
        (200, {"error": {"message": "Upstream is down", "code": 502}}, Trouble.SERVER_ERROR),
        (200, {"error": {"message": "Rate limited", "code": 429}}, Trouble.THROTTLED),
        (200, {"error": {"message": "something odd"}}, Trouble.MALFORMED),
        (200, {"choices": [], "usage": {}}, Trouble.MALFORMED),
        (200, {"choices": [{"index": 0, "message": "no object"}]}, Trouble.MALFORMED),
        (200, {"choices": ["no object"]}, Trouble.MALFORMED),
        (200, {"choices": [{"message": {"content": 7}}]}, Trouble.MALFORMED),
        (200, b"<html>Welcome to the captive portal</html>", Trouble.MALFORMED),
        (200, b'{"choices": [{"mess', Trouble.MALFORMED),
        (200, b"[" * 100_000, Trouble.MALFORMED),
    ],
)
def test_each_refusal_is_what_has_to_happen_next(status: int, body: object, trouble: Trouble) -> None:
    """By status and by words; a list of what servers and providers say."""
    assert refusal(status, body).trouble is trouble


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (openai("Rate limit\n   reached"), "Rate limit reached"),
        ({"detail": "Server is pinned to './EC'"}, "Server is pinned to './EC'"),
        ({"error": "in a string"}, "in a string"),
        (b"Too many\nof you", "Too many of you"),
        (b"<html>a page</html>", "status 429 without a word"),
        (b"", "status 429 without a word"),
        (openai("x" * 1000), "x" * 300),
    ],
)
def test_what_the_server_says_is_kept_in_a_line(body: object, problem: str) -> None:
    """Wherever it says it; no page, and no more than a line of a log holds."""
    assert refusal(429, body).problem == problem


@pytest.mark.parametrize("content", ["so it is", [{"type": "text", "text": "so it"}, {"type": "text", "text": " is"}]])
def test_an_answer_is_a_text(content: object) -> None:
    """Also where it comes in parts."""
    assert outcome(200, whole(content)) == Answered(text="so it is", usage=Usage(input_tokens=4, output_tokens=2), finish="stop")


def test_half_a_character_is_a_question_mark() -> None:
    """JSON can say it, and nothing that an answer is sent on by: no database, no wire, no next prompt."""
    found = outcome(200, b'{"choices": [{"message": {"content": "smile \\ud83d!"}}]}')
    assert isinstance(found, Answered)
    assert found.text == "smile ?!"
    assert refusal(500, b'{"error": "half \\ud83d"}').problem == "half ?"


def test_who_thought_until_the_tokens_ran_out_has_answered_nothing() -> None:
    """Which is an answer, and is paid."""
    found = outcome(200, {"choices": [{"message": {"reasoning_content": "hm", "content": None}, "finish_reason": "length"}]})
    assert isinstance(found, Answered)
    assert (found.text, found.finish) == ("", "length")


@pytest.mark.parametrize(
    "usage", [None, {}, {"prompt_tokens": 4}, {"prompt_tokens": -1, "completion_tokens": 2}, {"prompt_tokens": "4"}, 7]
)
def test_what_is_not_counted_is_reckoned_from_above_and_marked(usage: object) -> None:
    """So that a cap on money holds: as many tokens as there are bytes, and no more output than was allowed."""
    found = outcome(200, whole("hi", usage=usage))
    assert isinstance(found, Answered)
    assert not found.usage_told
    assert found.usage == most_usage(PROMPT, "hi")
    assert found.usage.output_tokens == 3
    assert most_usage(PROMPT, "a longer answer").output_tokens == most_usage(PROMPT).output_tokens == 5
    assert found.usage.input_tokens >= len("wie heißt es?".encode())


def test_limits_are_told_beside_answers_and_refusals() -> None:
    """As headers say it."""
    headers = {"x-ratelimit-remaining-requests": "17", "x-ratelimit-remaining-tokens": "900", "x-ratelimit-reset-tokens": "6m0s"}
    for found in (outcome(200, whole("hi"), headers), outcome(500, b"", headers)):
        assert (found.allowance.requests_left, found.allowance.tokens_left, found.allowance.tokens_reset_s) == (17, 900, 360.0)


def test_a_server_that_is_full_and_says_for_how_long_is_throttled() -> None:
    """503 with Retry-After asks for patience as 429 does; without it, it is broken as far as anybody knows."""
    found = refusal(503, b"", {"retry-after": "7"})
    assert (found.trouble, found.after_s) == (Trouble.THROTTLED, 7.0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("half of \ud83d"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "message", "content", "usage", "error", "code", "detail", "prompt_tokens", "completion_tokens", "text"]
            ),
            inner,
        )
    ),
    max_leaves=15,
)


@given(st.integers(200, 599), JSON | st.binary(max_size=200), st.booleans())
def test_no_response_is_too_strange_to_be_read(status: int, body: object, stream: bool) -> None:  # noqa: FBT001
    """Whatever a server sends is an answer or a refusal with a line to read, and an answer comes with a success only."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "text/event-stream" if stream else "application/json"
    found = outcome(status, b"data: " + raw if stream else raw, {"content-type": kind, "retry-after": "x", "date": "y"})
    assert isinstance(found, Answered) or (found.problem and "\n" not in found.problem)
    (found.text if isinstance(found, Answered) else found.problem).encode()
    assert status < 300 or isinstance(found, Failed)


@given(st.text(max_size=200), st.data())
def test_a_stream_says_what_the_whole_does(text: str, data: st.DataObject) -> None:
    """However it is cut into pieces."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    parts = [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    pieces = [{"choices": [{"delta": {"content": part}}]} for part in parts] + [{"choices": [{"delta": {}, "finish_reason": "stop"}]}]
    body = b"".join(b"data: " + json.dumps(piece, ensure_ascii=False).encode() + b"\r\n\r\n" for piece in pieces)
    found = outcome(200, body, {"content-type": "text/event-stream; charset=utf-8"})
    assert isinstance(found, Answered)
    assert found.text == text
    unfinished = assembled(b"".join(b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in pieces[:-1]))
    assert unfinished
    assert unfinished["unfinished"]


def test_a_stream_may_end_in_a_refusal() -> None:
    """What came before it is no answer."""
    body = b'data: {"choices": [{"delta": {"content": "so"}}]}\n\ndata: {"error": {"message": "out of memory", "code": 500}}\n\n'
    found = refusal(200, body, {"content-type": "text/event-stream"})
    assert (found.trouble, found.problem) == (Trouble.SERVER_ERROR, "out of memory")
