"""A pod of llama.cpp's server, as the server itself reads it."""

import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

import pytest

from tests.parts.running import free_port, running

from .shapes import container, variables
from .test_dual_engine import engine_of, engine_run

IMAGE = "ghcr.io/ggml-org/llama.cpp:server"


@contextmanager
def served(program: Path, models: Path, log: Path, **engine: object) -> Iterator[int]:
    """The port of a server that is started with the words and variables of its pod, in the folder that the pod works in."""
    made = engine_of(engine_run("./local.gguf", server="LlamaCpp", image=IMAGE, **engine))
    told, port = container(made), free_port()
    words = [{"0.0.0.0": "127.0.0.1", "8000": str(port)}.get(word, word) for word in told["args"]]  # noqa: S104  # of a pod
    path = told["readinessProbe"]["httpGet"]["path"]

    def ready() -> bool:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).status == 200
        except (URLError, ConnectionError):  # nobody listens, or it is still loading
            return False

    environ = {"PATH": os.environ["PATH"], **{name: str(value) for name, value in variables(made).items()}}
    command = ["sh", "-c", 'cd "$0" && exec "$@"', str(models), str(program), *words]
    with running(command, environ=environ, log=log, ready=ready):
        yield port


def test_llama_cpp_takes_the_words_and_variables_of_its_pod(llama_server_program: Path, gguf_models: Path, tmp_path: Path) -> None:
    """It is ready where its probe asks, answers to the name that its lane calls it by, and computes with the processors of its pod."""
    log = tmp_path / "log"
    with served(llama_server_program, gguf_models, log, cpu="2500m", arguments=["--ctx-size", "256"]) as port:
        body = b'{"model": "./local.gguf", "messages": [{"role": "user", "content": "what is 1+2?"}], "max_tokens": 8, "temperature": 0}'
        request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  always http
            said = answer.read().decode()
    assert '"content":"3"' in said
    assert '"model":"./local.gguf"' in said
    assert "n_threads = 2\n" in log.read_text()


def test_a_word_that_llama_cpp_does_not_know_ends_it(llama_server_program: Path, gguf_models: Path, tmp_path: Path) -> None:
    """So what the test above shows of our own words is their being known."""
    with (
        pytest.raises(RuntimeError, match="invalid argument: --no-such-word"),
        served(llama_server_program, gguf_models, tmp_path / "log", arguments=["--no-such-word"]),
    ):
        pass
