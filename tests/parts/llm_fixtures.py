"""pytest plugin: two real language models behind real servers, one that can do little and one that can do more."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.parts.fixtures import needing, program, say
from tests.parts.llm_models.made import LLM_MODELS
from tests.parts.llm_servers import llama_cpp_server, transformers_serve
from tests.parts.llm_servers.llama_cpp_server import LLAMA_CPP
from tests.parts.llm_servers.server import LanguageServer
from tests.parts.part import obtain


@pytest.fixture(scope="session")
def llm_models(request: pytest.FixtureRequest) -> Path:
    """The folder with the models `local` and `cloud`, as transformers keeps them."""
    with needing(LLM_MODELS.name, request.config):
        return obtain(LLM_MODELS, os.environ, lambda line: say(request.config, line))


@pytest.fixture(scope="session")
def llama_cpp(request: pytest.FixtureRequest) -> Path:
    """The Python that has llama.cpp."""
    return program(LLAMA_CPP, request.config)


@pytest.fixture(scope="session")
def local_llm(llama_cpp: Path, llm_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[LanguageServer]:
    """The model that can do little, served by llama.cpp."""
    with llama_cpp_server.serving(llama_cpp, llm_models / "local", tmp_path_factory.mktemp("local-llm")) as server:
        yield server


@pytest.fixture(scope="session")
def cloud_llm(llm_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[LanguageServer]:
    """The model that can do more, served by transformers."""
    with transformers_serve.serving(llm_models / "cloud", tmp_path_factory.mktemp("cloud-llm")) as server:
        yield server
