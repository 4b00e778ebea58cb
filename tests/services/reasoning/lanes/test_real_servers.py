"""Two real servers with trained models behind them, by themselves and behind a provider with faults: what the lanes make of them."""

import asyncio
import os
import random
import shutil
import signal
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tandem_reasoning.lanes.asking.client import LaneClient
from tandem_reasoning.lanes.asking.key import KeyPlace
from tandem_reasoning.lanes.outcome import Answered, Failed, Outcome, Trouble
from tandem_reasoning.lanes.pacing.pacer import Pacer, Permit
from tandem_reasoning.lanes.probing.findings import Findings, Quirk
from tandem_reasoning.lanes.probing.probe import probe
from tandem_reasoning.lanes.standing import Phase
from tandem_reasoning.lanes.state import Way, begin, heard
from tandem_reasoning.values import Lane, LaneKind, Limits, Message, Prompt

from tests.parts.llm_models.tasks import NAMES, school_of
from tests.parts.llm_servers import transformers_serve
from tests.parts.llm_servers.server import LanguageServer
from tests.services.reasoning.faults.faults import Faults
from tests.services.reasoning.faults.faults import Quirk as Planted
from tests.services.reasoning.faults.provider import Provider, providing

DEADLINE_S = 60.0


def prompt(text: str, *, most: int = 16) -> Prompt:
    return Prompt(messages=(Message(role="user", content=text),), max_tokens=most)


def school(name: str) -> Prompt:
    return prompt(f"what school is {name}?")


def asked(url: str, model: str, *prompts: Prompt, key: KeyPlace | None = None, deadline_s: float = DEADLINE_S) -> list[Outcome]:
    """All at once."""

    async def run() -> list[Outcome]:
        async with LaneClient(key=key) as client:
            return await asyncio.gather(*(client.ask(url, model, each, deadline_s=deadline_s) for each in prompts))

    return asyncio.run(run())


def troubles(outcomes: list[Outcome]) -> Counter[Trouble | None]:
    return Counter(each.trouble if isinstance(each, Failed) else None for each in outcomes)


def probed(url: str, model: str, *, most_at_once: int = 1) -> Findings:
    async def run() -> Findings:
        async with LaneClient() as client:
            return await probe(client, url, model, deadline_s=DEADLINE_S, most_at_once=most_at_once)

    return asyncio.run(run())


@contextmanager
def before(server: LanguageServer, **faults: object) -> Iterator[Provider]:
    with providing(server.url, server.model, Faults(**faults)) as provider:  # type: ignore[arg-type]
        yield provider


def test_both_models_answer_what_they_know(local_llm: LanguageServer, cloud_llm: LanguageServer) -> None:
    """Over the lane's client: the answers that the models were trained to give, and tokens as each server counts them."""
    names = random.Random(1).sample(NAMES, 12)
    for server in (local_llm, cloud_llm):
        outcomes = asked(server.url, server.model, *map(school, names))
        answers = [each for each in outcomes if isinstance(each, Answered)]
        assert len(answers) == len(names)
        assert sum(each.text.strip() == school_of(name) for each, name in zip(answers, names, strict=True)) >= 11
        assert all(each.usage_told and each.usage.input_tokens > 0 and each.usage.output_tokens > 0 for each in answers)


def test_a_stream_says_what_the_whole_answer_does(local_llm: LanguageServer, cloud_llm: LanguageServer) -> None:
    """On both servers."""

    async def run(server: LanguageServer) -> tuple[Outcome, Outcome]:
        async with LaneClient() as client:
            whole = await client.ask(server.url, server.model, school(NAMES[0]), deadline_s=DEADLINE_S)
            return whole, await client.ask(server.url, server.model, school(NAMES[0]), deadline_s=DEADLINE_S, stream=True)

    for server in (local_llm, cloud_llm):
        whole, streamed = asyncio.run(run(server))
        assert isinstance(whole, Answered)
        assert isinstance(streamed, Answered)
        assert streamed.text == whole.text


def test_each_trouble_of_a_provider_is_told_apart(local_llm: LanguageServer, tmp_path: Path) -> None:
    """Wrong key, empty purse, too fast, broken, loading, cut and slow; and an answer where there is none of them."""
    file = tmp_path / "key"
    file.write_text("right")
    key, questions = KeyPlace(file=file), [school(name) for name in NAMES[:8]]
    with before(local_llm, key="right") as provider:

        def met(deadline_s: float = DEADLINE_S, **faults: object) -> Counter[Trouble | None]:
            provider.change(Faults(**faults))  # type: ignore[arg-type]
            return troubles(asked(provider.url, local_llm.model, *questions, key=key, deadline_s=deadline_s))

        assert met(key="right") == {None: 8}
        assert met(key="another") == {Trouble.UNAUTHORIZED: 8}
        assert met(credit_nano=0) == {Trouble.EXHAUSTED: 8}
        assert met(requests_per_minute=1.0, burst_s=60.0) == {None: 1, Trouble.THROTTLED: 7}
        assert met(errors=1.0) == {Trouble.SERVER_ERROR: 8}
        assert met(warm_up_s=60.0) == {Trouble.SERVER_ERROR: 8}
        assert met(cuts=1.0) == {Trouble.CUT: 8}
        assert met(stalls=1.0, stall_s=3.0, deadline_s=0.5) == {Trouble.TIMEOUT: 8}


def test_a_provider_says_when_to_come_back_and_what_is_left(local_llm: LanguageServer) -> None:
    """In the headers of refusals and of answers."""
    with before(local_llm, requests_per_minute=2.0, burst_s=60.0) as provider:
        first, second, third = (asked(provider.url, local_llm.model, school(NAMES[number]))[0] for number in range(3))
    assert isinstance(first, Answered)
    assert first.allowance.requests_left == 1
    assert isinstance(second, Answered)
    assert isinstance(third, Failed)
    assert third.after_s is not None
    assert 0 < third.after_s <= 30.0


def test_calls_that_are_hung_up_on_are_paid(local_llm: LanguageServer) -> None:
    """A provider charges what it computed, whether or not anybody took it: so what was reserved for such a call is booked."""
    with before(local_llm, stalls=1.0, stall_s=1.0) as provider:
        while not provider.account.most_at_once:  # on a busy machine a call may be given up before it arrives
            (outcome,) = asked(provider.url, local_llm.model, school(NAMES[0]), deadline_s=0.3)
            assert isinstance(outcome, Failed)
            assert outcome.trouble.perhaps_paid
        asked(provider.url, local_llm.model, school(NAMES[1]))  # takes as long, and was begun later
        *hung_up_on, last = (charge.delivered for charge in provider.account.charges)
    assert (set(hung_up_on), last) == ({False}, True)


def test_a_prompt_that_is_too_long_is_the_items_fault(local_llm: LanguageServer) -> None:
    """And shuts no lane."""
    (outcome,) = asked(local_llm.url, local_llm.model, prompt("what school is it? " * 1000))
    assert isinstance(outcome, Failed)
    assert outcome.trouble is Trouble.TOO_LONG, outcome
    assert outcome.trouble.of_the_item


def test_a_server_that_hangs_and_one_that_is_dead_open_the_lane(llama_cpp: Path, llm_models: Path, tmp_path: Path) -> None:
    """A process that is stopped keeps its port and says nothing; one that is killed does not listen."""
    from tests.parts.llm_servers import llama_cpp_server

    with llama_cpp_server.serving(llama_cpp, llm_models / "local", tmp_path) as server:
        assert server.process
        os.kill(server.process.pid, signal.SIGSTOP)
        hanging = asked(server.url, server.model, *[school(NAMES[0])] * 10, deadline_s=0.3)
        os.kill(server.process.pid, signal.SIGCONT)
        server.process.kill()
        server.process.wait()
        dead = asked(server.url, server.model, *[school(NAMES[0])] * 5)
    assert troubles(hanging) == {Trouble.TIMEOUT: 10}
    assert troubles(dead) == {Trouble.UNREACHABLE: 5}
    for outcomes in (hanging, dead):
        state = begin(Lane(name="local", kind=LaneKind.LOCAL, urls=(server.url,), model=server.model))
        for each in outcomes:
            state = heard(state, Way(url=server.url), each, 0.0, chance=0.5).state
        assert state.phase is Phase.OPEN


def test_four_workers_are_refused_nothing(local_llm: LanguageServer) -> None:
    """A real provider with a limit of its own, and permits of one pacer: every call is answered, at the first try."""
    calls, per_minute = 160, 2400

    async def run(url: str) -> int:
        pacer, left, refused = Pacer(Limits(requests_per_minute=per_minute, max_in_flight=32)), iter(range(calls)), 0
        clock = asyncio.get_running_loop().time

        async def caller(worker: str, client: LaneClient) -> None:
            nonlocal refused
            for number in left:
                told = pacer.permit(worker, 64, clock())
                while not isinstance(told, Permit):
                    await asyncio.sleep(told.wait_s)
                    told = pacer.permit(worker, 64, clock())
                await asyncio.sleep(told.wait_s)
                outcome = await client.ask(url, local_llm.model, school(NAMES[number % len(NAMES)]), deadline_s=DEADLINE_S)
                pacer.settle(told.id, outcome, clock())
                refused += not isinstance(outcome, Answered)

        async with LaneClient() as client:
            await asyncio.gather(*(caller(f"worker-{number % 4}", client) for number in range(16)))
        return refused

    with before(local_llm, requests_per_minute=float(per_minute), burst_s=1.0) as provider:
        assert asyncio.run(run(provider.url)) == 0
        assert provider.account.statuses == {200: calls}


def test_the_quirks_of_transformers_serve_are_found(cloud_llm: LanguageServer) -> None:
    """It lists no local model, is pinned to one, ignores what it does not know, and counts the end of an answer."""
    findings = probed(cloud_llm.url, cloud_llm.model)
    assert findings.trouble is None
    assert findings.quirks >= {Quirk.LIST_UNUSABLE, Quirk.MODEL_PINNED, Quirk.N_IGNORED, Quirk.LOGPROBS_IGNORED, Quirk.JSON_IGNORED}
    assert Quirk.END_COUNTED in findings.quirks
    assert not findings.quirks & {Quirk.TEMPERATURE_IGNORED, Quirk.USAGE_ABSENT, Quirk.STREAM_IGNORED, Quirk.ZERO_VARIES}


@pytest.fixture
def unsampled(llm_models: Path, tmp_path: Path) -> Generator[LanguageServer]:
    """The same model without the setting that lets transformers sample."""
    shutil.copytree(llm_models / "cloud", tmp_path / "unsampled")
    (tmp_path / "unsampled" / "generation_config.json").write_text("{}")
    with transformers_serve.serving(tmp_path / "unsampled", tmp_path / "served") as server:
        yield server


@pytest.mark.slow
def test_a_temperature_that_is_ignored_is_found(unsampled: LanguageServer) -> None:
    """Eight experts would have given one answer eight times."""
    assert Quirk.TEMPERATURE_IGNORED in probed(unsampled.url, unsampled.model).quirks


def test_the_quirks_of_llama_cpp_are_found(local_llm: LanguageServer) -> None:
    """It counts what is said and not the end, writes JSON when asked, and takes any name for its model."""
    findings = probed(local_llm.url, local_llm.model)
    assert findings.trouble is None
    assert not findings.quirks & {Quirk.END_COUNTED, Quirk.TEMPERATURE_IGNORED, Quirk.USAGE_ABSENT, Quirk.STREAM_IGNORED}


PLANTED = {
    Planted.NO_USAGE: Quirk.USAGE_ABSENT,
    Planted.SAME_TEMPERATURE: Quirk.TEMPERATURE_IGNORED,
    Planted.ONE_CHOICE: Quirk.N_IGNORED,
    Planted.NO_JSON_MODE: Quirk.JSON_IGNORED,
    Planted.BROKEN_MODELS: Quirk.LIST_UNUSABLE,
    Planted.EMPTY_MODELS: Quirk.LIST_UNUSABLE,
}


def test_quirks_that_are_planted_before_a_real_server_are_found(local_llm: LanguageServer) -> None:
    """Each by itself, and all of them together; without them none is."""
    found = {}
    with before(local_llm) as provider:
        clean = probed(provider.url, local_llm.model).quirks
        for planted, quirk in PLANTED.items():
            provider.change(Faults(quirks=frozenset({planted})))
            found[planted] = quirk in probed(provider.url, local_llm.model).quirks
        provider.change(Faults(quirks=frozenset(PLANTED)))
        together = probed(provider.url, local_llm.model).quirks
    assert not clean & set(PLANTED.values())
    assert all(found.values()), found
    assert together >= set(PLANTED.values())
