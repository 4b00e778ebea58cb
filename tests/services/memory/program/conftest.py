"""The service as a process, and the command."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from tandem.memory.v1 import memory_pb2 as pb
from tandem.memory.v1.memory_pb2_grpc import MemoryServiceStub
from tandem_rpc import channel

from tests.services.memory.process import Service


class Process(Service):
    """The service, with all that a test asks of a process."""

    def __init__(self, folder: Path, **settings: object) -> None:
        super().__init__(folder, **settings)
        self.address_file = self._address_file
        self.folder = Path(self._settings["FOLDER"])

    @property
    def running(self) -> "subprocess.Popen[bytes]":
        assert self._process
        return self._process

    def get(self, path: str) -> str:
        with urlopen(f"http://{json.loads(self.address_file.read_text())['metrics']}{path}") as answer:
            return answer.read().decode()

    def terminate(self) -> int:
        self.running.terminate()
        return self.running.wait(300)

    def stub(self, **way: Any) -> Any:
        return MemoryServiceStub(channel(self.address, **way))


Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a service on the store of this test."""
    started: list[Process] = []

    def starting(**settings: object) -> Process:
        started.append(Process(tmp_path / "service", **settings))
        started[-1].start()
        return started[-1]

    yield starting
    for each in started:
        each.kill()


def command(*arguments: str, within: str | Path | None = None, **settings: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **{f"TANDEM_MEMORY_{name}": value for name, value in settings.items()}}
    whole = [sys.executable, "-m", "tandem_memory", *arguments]
    return subprocess.run(whole, cwd=within, env=environment, capture_output=True, text=True, timeout=300, check=False)


def append(*questions: str) -> pb.AppendRequest:
    return pb.AppendRequest(namespace="n", records=[pb.Record(question=each) for each in questions])


def search(question: str) -> pb.SearchRequest:
    return pb.SearchRequest(namespace="n", queries=[pb.Query(text=question)], k=1)
