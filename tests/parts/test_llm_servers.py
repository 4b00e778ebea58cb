"""Two small models and their servers: the same answers from both servers, and none of them left running."""

import os
import random
from pathlib import Path

import pytest

from tests.parts.llm_models.tasks import task
from tests.parts.llm_servers import llama_cpp_server
from tests.parts.llm_servers.server import LanguageServer

LLAMA_CPP = pytest.mark.needs_part("llama-cpp")


def test_what_is_remembered_must_be_brought_along(cloud_llm: LanguageServer) -> None:
    """A stranger's school is answered from the line that comes along, and guessed without it."""
    tasks = [task(random.Random(number), "memory") for number in range(40)]
    along = [("\n".join(f"{asked} {answer}" for asked, answer in each.memory), each) for each in tasks]
    told = sum(cloud_llm.answer([("system", lines), ("user", each.question)]) == each.answer for lines, each in along)
    guessed = sum(cloud_llm.answer([("user", each.question)]) == each.answer for each in tasks)
    assert told >= 20
    assert guessed <= 12, "one in ten is right by chance"


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
            assert len({server.answer([("user", "what school is zodax?")], temperature=5.0) for _ in range(8)}) > 1
        process = other.process
    assert process
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
