"""`transformers serve`: a server with no gain from several requests at once, and with quirks that a lane's probe must find."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.parts.llm_servers.server import LanguageServer, started
from tests.parts.running import free_port


@contextmanager
def serving(model: Path, folder: Path) -> Generator[LanguageServer]:
    """The model kept in the folder `model`; what the server leaves goes into `folder`."""
    (folder / "huggingface" / "hub").mkdir(parents=True)  # without it, listing models is an error
    environ = {**os.environ, "HF_HOME": str(folder / "huggingface"), "HF_HUB_OFFLINE": "1"}
    environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    port = free_port()
    program = Path(sys.executable).with_name("transformers")
    command = [str(program), "serve", str(model), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]
    command += ["--log-level", "error"]
    server = LanguageServer(url=f"http://127.0.0.1:{port}/v1", model=str(model))
    with started(server, command, environ=environ, log=folder / "log") as running:
        yield running
