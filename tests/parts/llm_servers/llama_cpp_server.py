"""llama.cpp's server, as llama-cpp-python has it: built from source, in an environment of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.parts.llm_builds import build
from tests.parts.llm_servers.server import LanguageServer, started
from tests.parts.part import Missing, Part, Say
from tests.parts.running import free_port

_DAY = "2026-11-14T00:00:00Z"  # that of our own resolution
_HERE = Path(__file__).parent
_VERSION = "0.3.36"
_PACKAGES = (f"llama-cpp-python[server]=={_VERSION}", "gguf==0.19.0", "safetensors==0.8.0")
_CONTEXT = 1024  # tokens, as the models were made for


def _make(part: Part, folder: Path, say: Say) -> None:
    """Build it into the folder.

    Raises:
        Missing: Without uv or a C++ compiler, or when the build fails.
    """
    for program, package in (("uv", "pip install uv"), ("c++", "Debian: g++")):
        if not shutil.which(program):
            msg = f"{part.name} {part.version} is built with {program}, which is not on PATH: install it ({package})"
            raise Missing(msg)
    subprocess.run(["uv", "venv", "--quiet", "--relocatable", "--python", sys.executable, folder], check=True)
    install = ["uv", "pip", "install", "--python", str(folder / "bin" / "python"), "--exclude-newer", _DAY, *_PACKAGES]
    environ = {"CMAKE_ARGS": f"-DCMAKE_PROJECT_llama_cpp_INCLUDE={_HERE / 'lean.cmake'}"}
    build(f"building {_PACKAGES[0]}", {"build": install}, folder=folder, environ=environ, say=say)


LLAMA_CPP = Part(name="llama-cpp", version=_VERSION, program="bin/python", make=_make)


@contextmanager
def serving(python: Path, model: Path, folder: Path) -> Generator[LanguageServer]:
    """The model kept in the folder `model`, by the Python that has llama.cpp; what the server leaves goes into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / f"{model.name}.gguf"
    subprocess.run([python, _HERE / "gguf_export.py", model, weights], check=True)
    port = free_port()
    command = [str(python), "-m", "llama_cpp.server", "--model", str(weights), "--model_alias", model.name]
    command += [
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--n_ctx",
        str(_CONTEXT),
        "--n_threads",
        "1",
        "--n_threads_batch",
        "1",
        "--verbose",
        "False",
    ]
    server = LanguageServer(url=f"http://127.0.0.1:{port}/v1", model=model.name)
    with started(server, command, environ=os.environ, log=folder / "log") as running:
        yield running
