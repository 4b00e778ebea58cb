"""A provider with faults before a real model: what its callers see, and that all it says of a question is the model's."""

import http.client
import json
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from tandem_reasoning.values import Price

from tests.parts.llm_servers.server import LanguageServer
from tests.services.reasoning.conftest import NewProvider
from tests.services.reasoning.faults.faults import Faults, Quirk
from tests.services.reasoning.faults.provider import Provider

pytestmark = pytest.mark.needs_part("llama-cpp")
ASKED = [("user", "sort DCBA")]


def caller(provider: Provider) -> LanguageServer:
    """A caller of this provider."""
    return LanguageServer(url=provider.url, model=provider.model)


def refused(provider: Provider, **headers: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Status, headers and body of a refused call."""
    with pytest.raises(HTTPError) as error:
        opened(_request(provider, **headers))
    return error.value.code, dict(error.value.headers), json.load(error.value)


def opened(what: Request | str) -> Any:
    """The answer to a request."""
    return urlopen(what, timeout=300)  # noqa: S310  always http


def _request(provider: Provider, **headers: str) -> Request:
    body = json.dumps({"model": provider.model, "messages": [{"role": "user", "content": "sort BA"}]}).encode()
    return Request(  # noqa: S310  always http
        f"{provider.url}/chat/completions", body, {"Content-Type": "application/json", **headers}
    )


def tried(server: LanguageServer, messages: Sequence[tuple[str, str]]) -> str | int | None:
    """The answer; the status of a refusal; None for half an answer."""
    try:
        return server.answer(messages)
    except HTTPError as error:
        return error.code
    except http.client.HTTPException:
        return None


def test_without_faults_it_is_the_model(cloud_llm: LanguageServer, provider_of: NewProvider) -> None:
    """Answers and usage are those of the server behind it, and each call is charged at the price."""
    price = Price(input_nano=30, output_nano=140)
    provider = provider_of(cloud_llm, Faults(price=price))
    straight, through = cloud_llm.chat(ASKED), caller(provider).chat(ASKED)
    assert (through["choices"], through["usage"]) == (straight["choices"], straight["usage"])
    told = straight["usage"]
    assert provider.account.spent_nano == told["prompt_tokens"] * 30 + told["completion_tokens"] * 140
    with opened(provider.url.replace("/v1", "/stats")) as answer:
        assert json.load(answer) == provider.account.told()


def test_refusals_tell_what_is_wrong(cloud_llm: LanguageServer, provider_of: NewProvider) -> None:
    """A wrong key is 401, no credit 402, too fast 429 with a time; and none of them costs anything."""
    provider = provider_of(cloud_llm, Faults(key="right", credit_nano=1, requests_per_minute=1, burst_s=60))
    assert refused(provider, Authorization="Bearer wrong")[0] == 401
    assert provider.account.spent_nano == 0
    with opened(_request(provider, Authorization="Bearer right")) as answer:
        assert answer.headers["x-ratelimit-remaining-requests"] == "0"
    status, headers, _ = refused(provider, Authorization="Bearer right")
    assert (status, 0 < int(headers["Retry-After"]) <= 60) == (429, True)
    provider.change(Faults(price=Price(input_nano=1)))
    assert caller(provider).answer(ASKED)
    provider.change(Faults(credit_nano=1))
    assert refused(provider)[0] == 402
    assert provider.account.statuses == {200: 2, 401: 1, 402: 1, 429: 1}


def test_errors_and_cuts_are_drawn_and_booked(cloud_llm: LanguageServer, provider_of: NewProvider) -> None:
    """Each question meets what its seed says; answers that arrive are the model's; those that break off are paid, too."""
    provider = provider_of(cloud_llm, Faults(seed=3, errors=0.3, cuts=0.3, price=Price(output_nano=1)))
    questions = [[("user", f"what is {left}+{right}?")] for left in range(5) for right in range(5)]
    with ThreadPoolExecutor(8) as threads:
        first = list(threads.map(lambda each: tried(caller(provider), each), questions))
        whole = list(threads.map(lambda each: tried(cloud_llm, each), questions))
    seen = {each for each in first if not isinstance(each, str)}
    assert seen == {500, 503, None}, "errors and cuts"
    assert all(got == right for got, right in zip(first, whole, strict=True) if isinstance(got, str))
    assert len(provider.account.charges) == sum(each is None or isinstance(each, str) for each in first)
    assert sum(not charge.delivered for charge in provider.account.charges) == first.count(None)
    again = provider_of(cloud_llm, Faults(seed=3, errors=0.3, cuts=0.3))
    assert [tried(caller(again), each) for each in questions] == first, "the same seed, the same faults"


def test_it_warms_up(cloud_llm: LanguageServer, provider_of: NewProvider) -> None:
    """Until then it says 503 and that it loads."""
    provider = provider_of(cloud_llm, Faults(warm_up_s=3600))
    status, _, body = refused(provider)
    assert (status, body["error"]["message"]) == (503, "Loading model")
    provider.change(Faults())
    assert caller(provider).answer(ASKED)


def test_claims_that_are_kept_and_broken(cloud_llm: LanguageServer, provider_of: NewProvider) -> None:
    """With no quirks the provider keeps what the interface promises; with each, it does not."""
    provider = provider_of(cloud_llm, Faults())
    several = caller(provider).chat([("user", "reverse ABCD")], n=3, temperature=5.0)
    assert [choice["index"] for choice in several["choices"]] == [0, 1, 2]
    assert len({choice["message"]["content"] for choice in several["choices"]}) > 1
    assert several["usage"]["completion_tokens"] > 3
    provider.change(Faults(quirks=frozenset({Quirk.NO_USAGE, Quirk.ONE_CHOICE, Quirk.SAME_TEMPERATURE})))
    poor = [caller(provider).chat([("user", "reverse ABCD")], n=3, temperature=5.0) for _ in range(5)]
    assert all("usage" not in each and len(each["choices"]) == 1 for each in poor)
    assert len({each["choices"][0]["message"]["content"] for each in poor}) == 1
    assert len(provider.account.charges) == 6, "the provider itself knows what it charges"


def test_lists_of_models(cloud_llm: LanguageServer, provider_of: NewProvider) -> None:
    """A list with the model; an empty one; an error."""
    provider = provider_of(cloud_llm, Faults())
    with opened(f"{provider.url}/models") as answer:
        assert [each["id"] for each in json.load(answer)["data"]] == [cloud_llm.model]
    provider.change(Faults(quirks=frozenset({Quirk.EMPTY_MODELS})))
    with opened(f"{provider.url}/models") as answer:
        assert json.load(answer)["data"] == []
    provider.change(Faults(quirks=frozenset({Quirk.BROKEN_MODELS})))
    with pytest.raises(HTTPError):
        opened(f"{provider.url}/models")


def test_one_at_a_time(cloud_llm: LanguageServer, provider_of: NewProvider) -> None:
    """A serial provider lets callers in together and answers them one after the other: their waits add up."""
    provider = provider_of(cloud_llm, Faults(stalls=1.0, stall_s=0.2, quirks=frozenset({Quirk.SERIAL})))
    questions = [[("user", f"what is {number}+1?")] for number in range(5)]
    began = time.monotonic()
    with ThreadPoolExecutor(5) as threads:
        assert all(isinstance(each, str) for each in threads.map(lambda each: tried(caller(provider), each), questions))
    assert time.monotonic() - began >= 5 * 0.2
    assert provider.account.most_at_once > 1


def test_streams(cloud_llm: LanguageServer, provider_of: NewProvider) -> None:
    """An answer in pieces is the server's own, and is charged like a whole one."""
    provider = provider_of(cloud_llm, Faults(price=Price(output_nano=1)))
    whole = caller(provider).chat(ASKED)
    body = {"model": provider.model, "messages": [{"role": "user", "content": ASKED[0][1]}], "max_tokens": 16, "temperature": 0}
    told = json.dumps({**body, "stream": True}).encode()
    with opened(Request(f"{provider.url}/chat/completions", told, {"Content-Type": "application/json"})) as answer:  # noqa: S310
        events = [json.loads(line[6:]) for line in answer.read().splitlines() if line.startswith(b"data: {")]
    pieces = [event["choices"][0]["delta"].get("content") or "" for event in events if event["choices"]]
    assert "".join(pieces) == whole["choices"][0]["message"]["content"]
    first, second = provider.account.charges
    assert first.usage == second.usage


def test_who_leaves_pays(cloud_llm: LanguageServer, provider_of: NewProvider) -> None:
    """A call whose caller hangs up before the answer is computed and charged, as one that was not delivered."""
    provider = provider_of(cloud_llm, Faults(latency_s=0.5, price=Price(output_nano=1)))

    host, port = provider.url.removeprefix("http://").removesuffix("/v1").split(":")
    body = _request(provider).data
    assert isinstance(body, bytes)
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        _wait_until(lambda: provider.account.most_at_once > 0)
    _wait_until(lambda: len(provider.account.charges) > 0)
    assert [charge.delivered for charge in provider.account.charges] == [False]


def _wait_until(reached: Callable[[], bool]) -> None:
    while not reached():
        time.sleep(0.01)
