"""A pair whose lanes are served by llama.cpp's own server, which the run starts, watches and ends by itself."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from tandem_reasoning.routing.thresholds import LEARNING

from tests.e2e.home import Home, kill, until
from tests.e2e.test_dual import EXAMPLES, answers, parts, reaches

pytestmark = pytest.mark.slow
QUESTIONS = 40


@pytest.fixture
def home(home: Home, llama_server_program: Path) -> Home:
    """A home whose PATH has the server."""
    return replace(home, extra={"PATH": f"{llama_server_program.parent}:{os.environ['PATH']}", "LLAMA_ARG_THREADS": "1"})


def pair(home: Home, models: Path) -> Path:
    """The example of the pair with the same models in files, two servers of the one that can do little."""
    told = yaml.safe_load((EXAMPLES / "pair.yaml").read_text())
    told["spec"]["questions"] = {"source": str(EXAMPLES / "questions/checkable.jsonl"), "limit": QUESTIONS}
    for lane in told["spec"]["lanes"]:
        (home.path / f"{lane['name']}.gguf").symlink_to(models / f"{lane['name']}.gguf")
        lane["engine"] = {"server": "LlamaCpp", "model": f"{lane['name']}.gguf"}  # as a person names a file beside the run file
    told["spec"]["lanes"][0]["engine"]["instances"] = 2
    path = home.path / "pair.yaml"
    path.write_text(yaml.safe_dump(told))
    return path


def test_a_pair_on_llama_cpp_answers_though_a_server_is_killed(home: Home, gguf_models: Path) -> None:
    """One command starts all three servers, asks both lanes, goes on when one is killed, and leaves none."""
    running = home.start(pair(home, gguf_models))
    until(reaches(home, 1))
    engines = parts(home, "engine")
    assert len(engines) == 3
    assert all(any("llama_server_main.py" in word for word in each.cmdline()) for each in engines)
    kill(parts(home, "engine-0"))
    assert running.wait(600) == 0, home.log()
    status = home.status("pair")
    assert (status["phase"], status["done"], status.get("failed", 0)) == ("Succeeded", QUESTIONS, 0)
    assert all(lane["calls"] >= LEARNING.warmup for lane in status["lanes"]), (
        "at first both lanes are asked, to learn what each is good for"
    )
    told = answers(home)
    assert len({row["id"] for row in told}) == len(told) == QUESTIONS
    assert sum(row["right"] == "yes" for row in told) > QUESTIONS * 0.9, "the models answer as they were trained to, whoever serves them"
    assert not parts(home, "engine")
