"""The two small models behind their servers, for as long as a bench needs them, and the questions that they are asked."""

import os
import random
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tandem_operator.api.dual_run import EXPERTS
from tandem_reasoning.values import Question

from tests.parts.llm_models.keeping import FOLDER
from tests.parts.llm_models.tasks import task
from tests.parts.llm_servers import llama_cpp_server, transformers_serve
from tests.parts.llm_servers.llama_cpp_server import LLAMA_CPP
from tests.parts.llm_servers.server import LanguageServer
from tests.parts.part import obtain

ROLES = [{"name": each.name, "role": each.role} for each in EXPERTS]
"""The eight experts that a DualRun has by default."""

PRICE = {"usdPerMillionInputTokens": "0.03", "usdPerMillionOutputTokens": "0.14"}
"""Of a small model at a provider, in the words of a job."""


@contextmanager
def llama_cpp(model: str, folder: Path) -> Generator[LanguageServer]:
    """The model `local` or `cloud`, served by llama.cpp."""
    python = obtain(LLAMA_CPP, os.environ, lambda line: print(line, flush=True))
    with llama_cpp_server.serving(python, FOLDER / model, folder / f"llama-cpp-{model}") as server:
        yield server


@contextmanager
def transformers(model: str, folder: Path) -> Generator[LanguageServer]:
    """The model `local` or `cloud`, served by transformers."""
    with transformers_serve.serving(FOLDER / model, folder / f"transformers-{model}") as server:
        yield server


def unanswerable(count: int) -> list[Question]:
    """Questions about strangers: experts never all agree on one, so that every step is made."""
    rng = random.Random(11)
    tasks = [task(rng, "memory") for _ in range(count)]
    return [Question(id=f"q{number}", text=each.question, answer=each.answer, kind="memory") for number, each in enumerate(tasks)]
