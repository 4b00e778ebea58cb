"""One request to one server over a real socket: what comes back as a value, and what is kept from everybody else."""

import asyncio
import gc
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from tandem_reasoning.lanes.asking.client import LaneClient
from tandem_reasoning.lanes.asking.key import KeyPlace
from tandem_reasoning.lanes.outcome import Answered, Failed, Outcome, Trouble
from tandem_reasoning.values import Message, Prompt, Usage

from tests.services.reasoning.lanes.wire_server import WHOLE, Act, Played, playing

PROMPT = Prompt(messages=(Message(role="system", content="be short"), Message(role="user", content="is it so?")), max_tokens=16)
SECRET = "sk-never-to-be-seen-0123456789"  # noqa: S105
SOON_S = 0.2
LONG_S = 240  # a slow machine is no failure
ROOM = 8  # connections of a client
Given = TypeVar("Given")


def played(acts: tuple[Act, ...], use: Callable[[Played, LaneClient], Awaitable[Given]], **kwargs: object) -> Given:
    """What `use` gives beside a server that plays `acts`."""

    async def run() -> Given:
        async with playing(*acts) as server, LaneClient(**kwargs) as client:  # type: ignore[arg-type]
            return await use(server, client)

    return asyncio.run(run())


def outcome(*acts: Act, deadline_s: float = LONG_S, stream: bool = False, **kwargs: object) -> Outcome:
    async def use(server: Played, client: LaneClient) -> Outcome:
        return await client.ask(server.url, "small", PROMPT, deadline_s=deadline_s, stream=stream)

    return played(acts, use, **kwargs)


def refusal(*acts: Act, **kwargs: object) -> Failed:
    found = outcome(*acts, **kwargs)  # type: ignore[arg-type]
    assert isinstance(found, Failed)
    return found


def test_an_answer_is_its_text_and_what_the_lane_counted() -> None:
    """With the time it took; the request holds the chat and how it is to be answered, and nothing else."""

    async def use(server: Played, client: LaneClient) -> tuple[Outcome, Played]:
        return await client.ask(server.url + "/", "small", PROMPT, deadline_s=LONG_S), server

    found, server = played((), use)
    assert isinstance(found, Answered)
    assert found.seconds > 0
    assert replace(found, seconds=0.0) == Answered(text="so it is", usage=Usage(input_tokens=7, output_tokens=3), finish="stop")
    asked = [{"role": "system", "content": "be short"}, {"role": "user", "content": "is it so?"}]
    assert server.asked == [{"model": "small", "messages": asked, "max_tokens": 16, "temperature": 0.0}]
    assert "authorization" not in server.headers[0]


def test_any_text_can_be_asked() -> None:
    """Whatever is in a question: letters of all scripts, control characters, and halves of characters."""
    text = "wie heißt 猫\x00\ud83d?"

    async def use(server: Played, client: LaneClient) -> tuple[Outcome, Played]:
        asked = Prompt(messages=(Message(role="user", content=text),), max_tokens=16)
        return await client.ask(server.url, "small", asked, deadline_s=LONG_S), server

    found, server = played((), use)
    assert isinstance(found, Answered)
    assert server.asked[0]["messages"][0]["content"] == text
    assert server.headers[0]["content-type"] == "application/json"


def test_connections_are_kept() -> None:
    """A hundred calls, one after the other, over one connection: refusals do not cost it."""

    async def use(server: Played, client: LaneClient) -> int:
        for _ in range(100):
            await client.ask(server.url, "small", PROMPT, deadline_s=LONG_S)
        return server.connections

    assert played((Act(), Act(status=429, body=b"{}"), Act(status=503)), use) == 1


def test_a_call_has_one_deadline() -> None:
    """However the time is spent; and the server is hung up on, so that it may stop."""

    async def use(server: Played, client: LaneClient) -> tuple[Outcome, Outcome, int]:
        await client.ask(server.url, "small", PROMPT, deadline_s=LONG_S)  # the connection is there
        late = await client.ask(server.url, "small", PROMPT, deadline_s=SOON_S)
        await server.until(lambda: server.gone == 1)
        next_one = await client.ask(server.url, "small", PROMPT, deadline_s=LONG_S)
        return late, next_one, server.gone

    late, next_one, gone = played((Act(), Act(silence_s=LONG_S)), use)
    assert isinstance(late, Failed)
    assert (late.trouble, late.problem) == (Trouble.TIMEOUT, "no answer within 0.2 seconds")
    assert late.seconds >= SOON_S
    assert isinstance(next_one, Answered)
    assert gone == 1


def test_the_loser_of_a_race_is_gone_at_once() -> None:
    """Calls that are cancelled leave neither a connection nor room behind: as many as there is room for, twice over."""

    async def use(server: Played, client: LaneClient) -> Outcome:
        for turn in (1, 2):
            server.acts.extend([Act(silence_s=LONG_S)] * ROOM)
            calls = [asyncio.ensure_future(client.ask(server.url, "small", PROMPT, deadline_s=LONG_S)) for _ in range(ROOM)]
            await server.until(lambda turn=turn: len(server.asked) == turn * ROOM)
            for call in calls:
                call.cancel()
            assert all(isinstance(each, asyncio.CancelledError) for each in await asyncio.gather(*calls, return_exceptions=True))
        await server.until(lambda: server.gone == 2 * ROOM)
        return await client.ask(server.url, "small", PROMPT, deadline_s=LONG_S)

    assert isinstance(played((), use, most_at_once=ROOM), Answered)


@pytest.mark.parametrize("sent", [0, 10])
def test_an_answer_that_is_cut_is_no_answer(sent: int) -> None:
    """Whoever hangs up in between may want to be paid; nothing is asked again by itself."""

    async def use(server: Played, client: LaneClient) -> tuple[Outcome, int]:
        return await client.ask(server.url, "small", PROMPT, deadline_s=LONG_S), len(server.asked)

    found, asked = played((Act(sent=sent),), use)
    assert isinstance(found, Failed)
    assert found.trouble is Trouble.CUT
    assert found.trouble.perhaps_paid
    assert asked == 1


def test_nobody_at_the_address() -> None:
    """Is told from a server that is slow: nothing was sent, and nothing is paid."""

    async def run() -> Outcome:
        async with playing() as server:
            url = server.url
        async with LaneClient() as client:
            return await client.ask(url, "small", PROMPT, deadline_s=LONG_S)

    found = asyncio.run(run())
    assert isinstance(found, Failed)
    assert found.trouble is Trouble.UNREACHABLE
    assert not found.trouble.perhaps_paid


def test_a_proxy_of_the_environment_is_gone_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """For all addresses but those that it says need none."""

    async def run() -> tuple[int, int]:
        async with playing() as proxy, playing() as lane:
            monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/v1"))
            monkeypatch.setenv("NO_PROXY", "127.0.0.1")
            async with LaneClient() as client:
                for url in ("http://lane.example/v1", lane.url):
                    assert isinstance(await client.ask(url, "small", PROMPT, deadline_s=LONG_S), Answered)
            return len(proxy.asked), len(lane.asked)

    assert asyncio.run(run()) == (1, 1)


def test_no_safe_connection_is_told_from_nobody_there() -> None:
    """Somebody listens and speaks no TLS: the line says so."""

    def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Said\r\n\r\n")
        writer.close()

    async def run() -> Outcome:
        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        async with server, LaneClient() as client:
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            return await client.ask(url, "small", PROMPT, deadline_s=LONG_S)

    found = asyncio.run(run())
    assert isinstance(found, Failed)
    assert found.trouble is Trouble.UNREACHABLE
    assert "no safe connection" in found.problem


@pytest.mark.parametrize("url", ["", "127.0.0.1:1234/v1", "ftp://127.0.0.1/v1", "http://", "http://127.0.0.1:99999/v1", "http://\0/v1"])
def test_an_address_that_is_none(url: str) -> None:
    """Is a value like all else, and says what one looks like."""

    async def run() -> Outcome:
        async with LaneClient() as client:
            return await client.ask(url, "small", PROMPT, deadline_s=LONG_S)

    found = asyncio.run(run())
    assert isinstance(found, Failed)
    assert found.trouble is Trouble.BAD_REQUEST
    assert "http://127.0.0.1:1234/v1" in found.problem


def test_an_endless_answer_is_given_up() -> None:
    """Memory is bounded, whatever a server sends."""
    found = refusal(Act(body=b"x" * 100_001), most_bytes=100_000)
    assert (found.trouble, found.problem) == (Trouble.MALFORMED, "the answer is larger than 100,000 bytes")


def test_the_key_is_not_carried_elsewhere() -> None:
    """A server that sends us to another address is not followed; the line says what to write instead."""
    found = refusal(Act(status=307, headers={"location": "http://127.0.0.1:9/v1/chat/completions"}, body=b""))
    assert found.trouble is Trouble.BAD_REQUEST
    assert found.problem == "it sends us to another address; give that one as the lane's url"


def test_a_stream_reads_as_a_whole_answer() -> None:
    """Pieces are put together, and the usage of the last one counts."""
    pieces = [{"choices": [{"delta": {"content": part}, "finish_reason": None}]} for part in ("so ", "it ", "is")]
    pieces += [{"choices": [{"delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": WHOLE["usage"]}]
    body = b"".join(b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in pieces) + b"data: [DONE]\n\n"
    act = Act(body=body, headers={"content-type": "text/event-stream", "content-length": "", "connection": "close"}, sent=len(body))

    async def use(server: Played, client: LaneClient) -> tuple[Outcome, Played]:
        return await client.ask(server.url, "small", PROMPT, deadline_s=LONG_S, stream=True), server

    found, server = played((act,), use)
    assert isinstance(found, Answered)
    assert (found.text, found.usage, found.finish) == ("so it is", Usage(input_tokens=7, output_tokens=3), "stop")
    assert server.asked[0]["stream_options"] == {"include_usage": True}
    half = Act(body=body[:100], headers=act.headers, sent=100)
    assert refusal(half, stream=True).trouble is Trouble.CUT


def test_the_key_is_read_for_each_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Secret that is exchanged is shown from then on, and one that is gone is asked for without a request."""
    file = tmp_path / "key"
    place = KeyPlace(file=file)
    stamps = []

    async def use(server: Played, client: LaneClient) -> tuple[Outcome, Played]:
        for text in ("first\n", "second"):
            file.write_text(text)
            stamps.append(place.stamp())
            await client.ask(server.url, "small", PROMPT, deadline_s=LONG_S)
        file.unlink()
        return await client.ask(server.url, "small", PROMPT, deadline_s=LONG_S), server

    found, server = played((), use, key=place)
    assert [each["authorization"] for each in server.headers] == ["Bearer first", "Bearer second"]
    assert isinstance(found, Failed)
    assert (found.trouble, found.problem) == (Trouble.UNAUTHORIZED, f"key file {file}: there is no key; write it there")
    assert len({*stamps, place.stamp()}) == 3
    monkeypatch.setenv("LANE_KEY", "third")
    assert KeyPlace(variable="LANE_KEY").read() == "third"


@pytest.mark.parametrize("text", ["two words", "line\nbreak", "schlüssel", "\0"])
def test_what_cannot_be_a_key_is_not_sent(tmp_path: Path, text: str) -> None:
    """A whole file of settings in the place of a key is found before it goes over the wire, and is not told."""
    (tmp_path / "key").write_text(text)
    found = refusal(key=KeyPlace(file=tmp_path / "key"))
    assert found.trouble is Trouble.UNAUTHORIZED
    assert "this is no key" in found.problem
    assert text not in found.problem


def test_the_key_is_in_no_text(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not in what a refusal says that repeats it, nor in a log at its loudest, a `repr`, or what is left of an error."""
    file = tmp_path / "key"
    file.write_text(SECRET)
    place = KeyPlace(file=file)
    echo = json.dumps({"error": {"message": f"wrong key: {SECRET}!", "code": "invalid_api_key"}}).encode()

    async def use(server: Played, client: LaneClient) -> list[object]:
        acts = (Act(status=401, body=echo), Act(status=500, body=SECRET.encode()), Act(sent=0), Act(body=SECRET.encode()))
        server.acts.extend(acts)
        told: list[object] = [await client.ask(server.url, "small", PROMPT, deadline_s=LONG_S) for _ in acts]
        return [*told, client, place]

    with caplog.at_level(logging.DEBUG):
        told = played((), use, key=place)
    gc.collect()
    assert isinstance(told[0], Failed)
    assert told[0].problem == "wrong key: ***!"
    assert SECRET not in repr(told) + str(told) + caplog.text + place.stamp()
