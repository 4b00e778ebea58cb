"""A running server of a language model, and what is common to all of them: one is ready when it answers a chat, not before."""

import json
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.parts.running import running

_TIMEOUT_S = 300  # of an answer, on a machine that does other things too
_PATIENCE_S = 600  # to start, on a machine that does other things too: 2 to 15 s where it is idle, 190 s were seen
_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageServer:
    """A model that is served.

    Attributes:
        url: Base address, such as http://127.0.0.1:1234/v1.
        model: What the server calls it.
        process: Its process, which a test may pause or kill.
    """

    url: str
    model: str
    process: "subprocess.Popen[bytes] | None" = None

    def chat(self, messages: Sequence[tuple[str, str]], **options: object) -> dict[str, Any]:
        """The server's whole answer to messages, pairs of role and content.

        Raises:
            OSError: when it cannot be reached or refuses (urllib's errors are such).
        """
        told = [{"role": role, "content": content} for role, content in messages]
        body = json.dumps({"model": self.model, "messages": told, "max_tokens": 16, "temperature": 0, **options})
        request = Request(f"{self.url}/chat/completions", body.encode(), {"Content-Type": "application/json"})  # noqa: S310  always http
        with urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            return json.load(answer)

    def answer(self, messages: Sequence[tuple[str, str]], **options: object) -> str:
        """The text of its answer."""
        return self.chat(messages, **options)["choices"][0]["message"]["content"]


@contextmanager
def started(
    server: LanguageServer, command: Sequence[str], *, environ: Mapping[str, str], log: Path, patience_s: float = _PATIENCE_S
) -> Generator[LanguageServer]:
    """The server from the moment that it answers a chat; killed at the end.

    Raises:
        RuntimeError: If it ends or stays silent; with the end of its log.
    """
    with running(command, environ=environ, log=log, ready=lambda: True) as process:
        give_up = time.monotonic() + patience_s
        while not _answers(server):
            if process.poll() is not None or time.monotonic() > give_up:
                msg = f"{command[0]} does not serve {server.model}: {log.read_text(errors='replace')[-2000:]}"
                raise RuntimeError(msg)
            time.sleep(_PAUSE_S)
        yield replace(server, process=process)


def _answers(server: LanguageServer) -> bool:
    try:
        return bool(server.chat([("user", "sort BA")])["choices"])
    except (OSError, HTTPException, ValueError):  # nobody there, half an answer, none in JSON
        return False
