"""Two small models and their servers: a gap that is known, the same answers from both servers, and none of them left running."""

import json
import os
import random
from pathlib import Path

import pytest

from tests.parts.llm_models.tasks import KINDS, task
from tests.parts.llm_servers import llama_cpp_server
from tests.parts.llm_servers.server import LanguageServer

MODELS = pytest.mark.needs_part("llm-models")
LLAMA_CPP = pytest.mark.needs_part("llama-cpp")


def skills(llm_models: Path, name: str) -> dict[str, float]:
    """Share of right answers by kind, as measured after training."""
    return json.loads((llm_models / name / "skills.json").read_text())


@MODELS
def test_the_gap(llm_models: Path) -> None:
    """The one is good at all kinds, the other at some, and neither knows by heart what must be remembered."""
    local, cloud = skills(llm_models, "local"), skills(llm_models, "cloud")
    for kind in KINDS:
        assert cloud[kind] >= 0.5, (kind, cloud)
    assert local["fact"] >= 0.7
    for kind in ("add", "reverse", "shift"):
        assert local[kind] <= 0.25, (kind, local)


@MODELS
def test_what_is_remembered_must_be_brought_along(cloud_llm: LanguageServer) -> None:
    """A stranger's school is answered from the line that comes along, and guessed without it."""
    tasks = [task(random.Random(number), "memory") for number in range(40)]
    along = [("\n".join(f"{asked} {answer}" for asked, answer in each.memory), each) for each in tasks]
    told = sum(cloud_llm.answer([("system", lines), ("user", each.question)]) == each.answer for lines, each in along)
    guessed = sum(cloud_llm.answer([("user", each.question)]) == each.answer for each in tasks)
    assert told >= 20
    assert guessed <= 12, "one in ten is right by chance"


@MODELS
@LLAMA_CPP
def test_both_servers_say_the_same(llama_cpp: Path, llm_models: Path, cloud_llm: LanguageServer, tmp_path: Path) -> None:
    """The same weights give the same words at temperature 0, and vary above; one server counts the end of an answer, one does not."""
    questions = [[("user", f"what is {left}+{right}?")] for left in range(5) for right in range(3)]
    with llama_cpp_server.serving(llama_cpp, llm_models / "cloud", tmp_path) as other:
        assert [other.answer(each) for each in questions] == [cloud_llm.answer(each) for each in questions]
        here, there = other.chat(questions[0])["usage"], cloud_llm.chat(questions[0])["usage"]
        assert here["prompt_tokens"] == there["prompt_tokens"]
        assert here["completion_tokens"] + 1 == there["completion_tokens"]
        for server in (other, cloud_llm):
            assert len({server.answer([("user", "reverse ABCD")], temperature=5.0) for _ in range(5)}) > 1
        process = other.process
    assert process
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
