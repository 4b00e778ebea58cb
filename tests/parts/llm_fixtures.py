"""pytest plugin: two real language models behind real servers, one that can do little and one that can do more."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.parts.fixtures import program
from tests.parts.llm_models.keeping import FOLDER
from tests.parts.llm_servers import llama_cpp_server, llama_server, transformers_serve
from tests.parts.llm_servers.llama_cpp_server import LLAMA_CPP
from tests.parts.llm_servers.llama_server import LLAMA_SERVER
from tests.parts.llm_servers.server import LanguageServer


@pytest.fixture(scope="session")
def llm_models() -> Path:
    """The folder with the models `local` and `cloud`, as transformers keeps them."""
    return FOLDER


@pytest.fixture(scope="session")
def llama_cpp(request: pytest.FixtureRequest) -> Path:
    """The Python that has llama.cpp."""
    return program(LLAMA_CPP, request.config)


@pytest.fixture(scope="session")
def llama_server_program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """llama.cpp's `llama-server`, in a folder that has no other program."""
    return llama_server.placed(program(LLAMA_SERVER, request.config), tmp_path_factory.mktemp("bin"))


@pytest.fixture(scope="session")
def gguf_models(request: pytest.FixtureRequest, llm_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with `local.gguf` and `cloud.gguf`: the models as llama.cpp reads them."""
    python, folder = program(LLAMA_SERVER, request.config), tmp_path_factory.mktemp("gguf")
    for name in ("local", "cloud"):
        llama_server.exported(python, llm_models / name, folder / f"{name}.gguf")
    return folder


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
