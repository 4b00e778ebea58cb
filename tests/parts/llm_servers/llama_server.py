"""`llama-server` as people install it: llama.cpp's own server in C++, by its own command line, for whoever starts it by that name."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.parts.part import Missing, Part, Say

_DAY = "2026-11-14T00:00:00Z"  # that of our own resolution
_HERE = Path(__file__).parent
_VERSION = "2026.10.11549"
_PACKAGES = (f"xllamacpp=={_VERSION}", "gguf==0.19.0", "safetensors==0.8.0")


def _make(part: Part, folder: Path, say: Say) -> None:
    """Install it, built, into an environment of its own: 34 MB.

    Raises:
        Missing: Without uv, or when there is nothing built for this machine.
    """
    if not shutil.which("uv"):
        msg = f"{part.name} {part.version} is installed with uv, which is not on PATH: install it (pip install uv)"
        raise Missing(msg)
    say(f"installing {_PACKAGES[0]}")
    subprocess.run(["uv", "venv", "--quiet", "--relocatable", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    command = ["uv", "pip", "install", "--quiet", "--only-binary", ":all:", "--python", python, "--exclude-newer", _DAY, *_PACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        msg = (
            f"{part.name} {part.version} cannot be installed ({' '.join(done.stderr.split())}): check the network, and run the tests again"
        )
        raise Missing(msg)


LLAMA_SERVER = Part(name="llama-server", version=_VERSION, program="bin/python", make=_make)


def placed(python: Path, folder: Path) -> Path:
    """A program `llama-server` in `folder`, which a person's PATH may begin with; `python` is the one that has it."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "llama-server"
    program.write_text(f'#!/bin/sh\nexec "{python}" -I "{_HERE / "llama_server_main.py"}" "$@"\n')
    program.chmod(0o755)
    return program


def exported(python: Path, model: Path, file: Path) -> Path:
    """The model that transformers keeps in the folder `model`, as llama.cpp reads it, written to `file`."""
    subprocess.run([python, _HERE / "gguf_export.py", model, file], check=True)
    return file
