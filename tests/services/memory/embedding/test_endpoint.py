"""Vectors from an OpenAI-compatible endpoint: what is asked again, what is refused, and what is told."""

import asyncio
import logging
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from grpc import StatusCode
from tandem_memory.client.link import Terms
from tandem_memory.embedding import Endpoint
from tandem_memory.embedding.endpoint import Patience
from tandem_rpc import Refused

from tests.services.memory.embedding.embedding_server import Told, answering, vector

HASTY = Patience(total_s=1.0, answer_s=0.3, pause_s=0.01)


@pytest.fixture
def server() -> Iterator[tuple[str, Told]]:
    with answering() as made:
        yield made


def embedded(url: str, texts: Sequence[str], **kwargs: Any) -> np.ndarray:
    async def run() -> np.ndarray:
        endpoint = Endpoint(url, "small", **{"patience": HASTY, **kwargs})
        try:
            return await endpoint.embed(texts)
        finally:
            await endpoint.close()

    return asyncio.run(run())


def refusal(call: Coroutine[Any, Any, object]) -> Refused:
    with pytest.raises(Refused) as refused:
        asyncio.run(call)
    return refused.value


def test_each_text_gets_its_own_vector(server: tuple[str, Told]) -> None:
    """In the order of the texts, whatever the order of the answer; an empty text is asked for as a space."""
    url, told = server
    texts = ["a", "aeiou", "", "some longer text"]
    assert embedded(f"{url}/", texts).tolist() == [vector(text or " ", 4) for text in texts]
    assert told.asked == [{"model": "small", "input": ["a", "aeiou", " ", "some longer text"], "encoding_format": "float"}]


def test_many_texts_go_in_several_requests(server: tuple[str, Told]) -> None:
    """Of as many as even a slow one answers for in time."""
    url, told = server
    found = embedded(url, ["x" * (number % 50 + 1) for number in range(600)])
    assert found[:, 0].tolist() == [number % 50 + 1 for number in range(600)]
    assert [len(body["input"]) for body in told.asked] == [64] * 9 + [24]
    assert embedded(url, []).shape == (0, 0)


def test_what_passes_is_asked_again(server: tuple[str, Told]) -> None:
    """Too many requests, with and without a word on when to come back, and a server that is starting."""
    url, told = server
    told.trouble += [429, (429, {"Retry-After": "0"}), 503, 500]
    assert embedded(url, ["a"]).tolist() == [vector("a", 4)]
    assert len(told.asked) == 5


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_needs_a_person_is_not_asked_again(server: tuple[str, Told], status: int) -> None:
    """One request, and one line that says where to look."""
    url, told = server
    told.trouble.append(status)
    error = refusal(Endpoint(url, "small", patience=HASTY).embed(["a"]))
    assert error.code == StatusCode.FAILED_PRECONDITION
    assert error.message == f"embedding model 'small' at {url}: answered {status}; check URL, model and key"
    assert len(told.asked) == 1


def test_an_endpoint_that_stays_away_is_given_up(server: tuple[str, Told]) -> None:
    """Down, too slow, or in trouble for longer than patience lasts."""
    url, told = server
    told.trouble += [503] * 1000
    assert "answered 503; try again later" in refusal(Endpoint(url, "small", patience=HASTY).embed(["a"])).message
    told.trouble.clear()
    told.silence_s = 0.6
    slow = refusal(Endpoint(url, "small", patience=HASTY).embed(["a"]))
    assert slow.code == StatusCode.UNAVAILABLE
    assert "ReadTimeout" in slow.message
    gone = refusal(Endpoint("http://127.0.0.1:1/v1", "small", patience=HASTY).embed(["a"]))
    assert gone.code == StatusCode.UNAVAILABLE
    assert "ConnectError" in gone.message


def test_an_endpoint_that_never_answers_is_given_up(server: tuple[str, Told]) -> None:
    """Though a single answer may take longer than there is patience for."""
    url, told = server
    told.silence_s = 0.6
    error = refusal(Endpoint(url, "small", patience=Patience(total_s=0.2, answer_s=300)).embed(["a"]))
    assert error.code == StatusCode.UNAVAILABLE
    assert error.message.endswith("no answer in 0.2 s; check that it is up, or try again later")


def test_whoever_waits_hears_what_is_wrong() -> None:
    """A request to an endpoint is given up before a client gives up the service, unless one was told otherwise."""
    assert Patience().total_s + 5 < Terms(namespace="n").deadline_s


def test_the_dimension_is_fixed_by_the_first_answer(server: tuple[str, Told]) -> None:
    """Another model behind the same address is refused, with both numbers."""
    url, told = server

    async def run() -> None:
        endpoint = Endpoint(url, "small", patience=HASTY)
        assert endpoint.dimension is None
        await endpoint.embed(["a"])
        assert endpoint.dimension == 4
        told.dimension = 6
        await endpoint.embed(["a"])

    assert "gave 6 dimensions, 4 are wanted" in refusal(run()).message


def test_a_dimension_can_be_asked_for(server: tuple[str, Told]) -> None:
    """It is part of the name; an endpoint that does not know the wish and gives another is refused."""
    url, told = server
    assert embedded(url, ["a"], dimension=3).shape == (1, 3)
    assert told.asked[0]["dimensions"] == 3
    assert Endpoint(url, "small", dimension=3).name == "small-3"
    assert Endpoint(url, "small").name == "small"
    told.trouble.append(b'{"data": [{"index": 0, "embedding": [1, 2]}]}')
    assert "gave 2 dimensions, 3 are wanted" in refusal(Endpoint(url, "small", dimension=3, patience=HASTY).embed(["a"])).message


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<html>hello</html>", "something else than embeddings"),
        (b"[]", "something else than embeddings"),
        (b'{"data": [{"embedding": [1]}]}', "something else than embeddings"),
        (b'{"data": []}', "0 embeddings for 2 texts"),
        (b'{"data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}]}', "2 embeddings for 2 texts"),
        (b'{"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1, 2]}]}', "different dimensions"),
        (b'{"data": [{"index": 0, "embedding": ["a"]}, {"index": 1, "embedding": [1]}]}', "something else than numbers"),
        (b'{"data": [{"index": 0, "embedding": []}, {"index": 1, "embedding": []}]}', "empty or not finite"),
        (b'{"data": [{"index": 0, "embedding": [1e99]}, {"index": 1, "embedding": [1]}]}', "empty or not finite"),
        (b'{"data": [{"index": 0, "embedding": [NaN]}, {"index": 1, "embedding": [1]}]}', "empty or not finite"),
    ],
)
def test_an_answer_that_cannot_be_used_is_refused(server: tuple[str, Told], body: bytes, problem: str) -> None:
    """It comes from outside: nothing in it is believed."""
    url, told = server
    told.trouble.append(body)
    error = refusal(Endpoint(url, "small", patience=HASTY).embed(["a", "b"]))
    assert error.code == StatusCode.FAILED_PRECONDITION
    assert problem in error.message


def test_the_key_is_shown_to_the_endpoint_alone(server: tuple[str, Told], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Read for each request, so that it can be exchanged; in no log and no error."""
    url, told = server
    file = tmp_path / "key"
    file.write_text("first-secret\n")

    async def run() -> None:
        endpoint = Endpoint(url, "small", key=file.read_text, patience=HASTY)
        await endpoint.embed(["a"])
        file.write_text("second-secret\n")
        told.trouble += [503, 401]
        await endpoint.embed(["a"])

    with caplog.at_level(logging.DEBUG):
        error = refusal(run())
    assert told.keys == ["Bearer first-secret", "Bearer second-secret", "Bearer second-secret"]
    assert "secret" not in caplog.text + error.message + repr(error.__cause__)


def test_a_key_that_is_gone_is_said_to_be(server: tuple[str, Told], tmp_path: Path) -> None:
    """To whoever wanted vectors, without the path: nothing is asked of the endpoint."""
    url, told = server
    error = refusal(Endpoint(url, "small", key=(tmp_path / "key").read_text, patience=HASTY).embed(["a"]))
    assert error.code == StatusCode.FAILED_PRECONDITION
    assert "its key cannot be read (No such file or directory); put the file back" in error.message
    assert str(tmp_path) not in error.message
    assert told.keys == []
