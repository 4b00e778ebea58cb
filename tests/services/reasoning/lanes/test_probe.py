"""What a probe finds out about servers: those whose quirks are planted, and two real ones with a trained model behind them."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from tandem_reasoning.lanes.asking.client import LaneClient, Reply
from tandem_reasoning.lanes.outcome import Failed, Trouble
from tandem_reasoning.lanes.probing.findings import Findings, Honoured, Quirk, dumped, loaded
from tandem_reasoning.lanes.probing.inquiry import TOKENS
from tandem_reasoning.lanes.probing.probe import cache_key, most_tokens, probe

from tests.bench.reasoning.virtual_time import run as simulated
from tests.services.reasoning.lanes.quirky_server import LENGTH, Quirky
from tests.services.reasoning.lanes.wire_server import Act, Played, playing

ALL = frozenset({"temperature", "n", "logprobs", "response_format", "stream"})


def probed(quirky: Quirky | None, *acts: Act, model: str = "small", **kwargs: Any) -> tuple[Findings, Played]:
    async def run() -> tuple[Findings, Played]:
        async with playing(*acts) as server, LaneClient() as client:
            server.answer = quirky and quirky.answer
            return await probe(client, server.url, model, deadline_s=30, **kwargs), server

    return asyncio.run(run())


PLANTED = {
    Quirk.LIST_UNUSABLE: [{"lists": None}, {"lists": ()}, {"lists": ("other",)}],
    Quirk.MODEL_UNCHECKED: [{"names": None}],
    Quirk.TEMPERATURE_IGNORED: [{"honours": ALL - {"temperature"}}],
    Quirk.ZERO_VARIES: [{"repeats": False}],
    Quirk.N_IGNORED: [{"honours": ALL - {"n"}}],
    Quirk.LOGPROBS_IGNORED: [{"honours": ALL - {"logprobs"}}],
    Quirk.JSON_IGNORED: [{"honours": ALL - {"response_format"}}],
    Quirk.STREAM_IGNORED: [{"honours": ALL - {"stream"}}],
    Quirk.USAGE_ABSENT: [{"usage": False}],
    Quirk.END_COUNTED: [{"counts_end": True}],
}
CASES = [(quirk, told) for quirk, cases in PLANTED.items() for told in cases]


@pytest.mark.parametrize(("quirk", "told"), CASES)
def test_a_planted_quirk_is_found_and_no_other(quirk: Quirk, told: dict[str, Any]) -> None:
    """Each by itself, in a server that is right in all else."""
    findings, _ = probed(Quirky(**told), most_at_once=1)
    pinned = {Quirk.MODEL_PINNED} if quirk is not Quirk.MODEL_UNCHECKED else set()
    assert findings.quirks == {quirk} | pinned
    assert len(findings.sentences) == len(findings.quirks)


def test_a_server_that_bills_beyond_what_it_is_asked_for_is_asked_no_more() -> None:
    """The first call tells; all others would be billed likewise, and nothing was set aside for that."""
    findings, played = probed(Quirky(bills=5_000), most_at_once=1)
    assert (findings.quirks, findings.calls, len(played.asked)) == ({Quirk.BILLS_BEYOND}, 1, 1)
    assert findings.beyond == 5_000 * LENGTH / TOKENS
    assert findings.usage.output_tokens == 5_000 * LENGTH
    assert loaded(dumped(findings)) == findings
    assert "1042 times as many tokens" in findings.sentences[0]


def test_all_quirks_of_a_server_are_found_together() -> None:
    """As one real server has them: it lists nothing, is pinned, samples nothing, ignores what it does not know, and counts the end."""
    findings, _ = probed(Quirky(honours=frozenset({"stream"}), lists=(), counts_end=True), most_at_once=1)
    assert findings.quirks == {
        Quirk.LIST_UNUSABLE,
        Quirk.MODEL_PINNED,
        Quirk.TEMPERATURE_IGNORED,
        Quirk.N_IGNORED,
        Quirk.LOGPROBS_IGNORED,
        Quirk.JSON_IGNORED,
        Quirk.END_COUNTED,
    }
    assert findings.healthy


def test_a_model_that_thinks_and_says_nothing_is_judged_by_its_thoughts() -> None:
    """Within a few tokens some say nothing at all, and are no liars for that."""
    findings, _ = probed(Quirky(silent=True), most_at_once=1)
    assert findings.temperature_varies
    assert findings.zero_repeats


class Simulated:
    """A server without a wire, so that time can be simulated."""

    def __init__(self, quirky: Quirky) -> None:
        self.quirky = quirky

    async def post(self, url: str, body: Mapping[str, Any], *, deadline_s: float) -> Reply | Failed:
        del url, deadline_s
        act = await self.quirky.answer("/v1/chat/completions", dict(body))
        return Reply(status=act.status, headers={}, body=act.body, seconds=self.quirky.call_s)

    async def get(self, address: str, *, deadline_s: float) -> Reply | Failed:
        del address, deadline_s
        return Reply(status=404, headers={}, body=b"", seconds=0.0)


@pytest.mark.parametrize(("slots", "most", "parallel"), [(1, 16, 1), (3, 16, 4), (4, 16, 4), (100, 8, 8), (100, 6, 4)])
def test_calls_at_once_are_measured(slots: int, most: int, parallel: int) -> None:
    """As many as the server works on at a time; more only wait there. No more are tried than the lane may have."""

    async def run() -> Findings:
        return await probe(Simulated(Quirky(slots=slots, call_s=0.1)), "http://simulated/v1", "small", most_at_once=most)

    findings = simulated(run())
    assert findings.parallel == parallel
    assert (Quirk.SERIAL in findings.quirks) == (parallel == 1)
    assert findings.calls_per_s == pytest.approx(10 * min(slots, parallel))
    assert findings.tokens_per_s == pytest.approx(50 * min(slots, parallel))


def test_a_server_that_refuses_more_at_once_is_used_as_it_will() -> None:
    """What worked before that counts."""
    quirky = Quirky()

    async def answer(path: str, body: dict[str, Any]) -> Act:
        many = "number 4" in str(body)
        return Act(status=429, body=b"{}") if many else await quirky.answer(path, body)

    async def run() -> Findings:
        async with playing() as server, LaneClient() as client:
            server.answer = answer
            return await probe(client, server.url, "small", deadline_s=30)

    assert asyncio.run(run()).parallel in (1, 2)


def test_calls_are_counted_and_bounded_beforehand() -> None:
    """What a probe takes is told as the server counts it, and never more than was said before."""
    findings, server = probed(Quirky(), most_at_once=4)
    assert findings.calls == sum("messages" in body for body in server.asked)
    assert findings.usage.input_tokens == 10 * (findings.calls - 1)  # the one for a model that is not there is refused
    assert 0 < findings.usage.output_tokens <= most_tokens(4).output_tokens
    uncounted, _ = probed(Quirky(usage=False, repeats=False), most_at_once=4)
    assert uncounted.usage.input_tokens <= most_tokens(4).input_tokens
    assert uncounted.usage.output_tokens <= most_tokens(4).output_tokens


@pytest.mark.parametrize(
    ("act", "trouble"),
    [(Act(status=401, body=b'{"error": {"message": "no such key"}}'), Trouble.UNAUTHORIZED), (Act(status=400), Trouble.BAD_REQUEST)],
)
def test_a_server_that_does_not_answer_is_not_asked_on(act: Act, trouble: Trouble) -> None:
    """One call, and a line with its words."""
    findings, server = probed(None, act)
    assert (findings.trouble, findings.calls, len(server.asked)) == (trouble, 1, 1)
    (sentence,) = findings.sentences
    assert sentence == f"{server.url} cannot be used with model small: {findings.problem}"
    assert findings.quirks == frozenset()


def test_what_refuses_a_part_of_a_request_says_so() -> None:
    """Which is no quirk: it can be lived with, and is noticed."""
    quirky = Quirky()

    async def answer(path: str, body: dict[str, Any]) -> Act:
        strict = {"n", "logprobs", "response_format", "stream"} & body.keys()
        return Act(status=422, body=b'{"detail": "unknown field"}') if strict else await quirky.answer(path, body)

    async def run() -> Findings:
        async with playing() as server, LaneClient() as client:
            server.answer = answer
            return await probe(client, server.url, "small", deadline_s=30, most_at_once=1)

    found = asyncio.run(run())
    assert {found.several, found.logprobs, found.json_mode, found.stream} == {Honoured.REFUSED}


def test_findings_are_kept_for_a_server_and_model() -> None:
    """And read back as they were; those of another version are not believed."""
    findings, server = probed(Quirky(counts_end=True), most_at_once=2)
    assert loaded(dumped(findings)) == findings
    broken = Findings(url="u", model="m", trouble=Trouble.UNREACHABLE, problem="p")
    assert loaded(dumped(broken)) == broken
    assert loaded(json.dumps({**json.loads(dumped(findings)), "version": 0})) is None
    keys = [cache_key(url, model) for url, model in [(server.url, "a"), (server.url + "/", "a"), (server.url, "b"), ("http://b/v1", "a")]]
    assert keys[0] == keys[1]
    assert len({*keys}) == 3
