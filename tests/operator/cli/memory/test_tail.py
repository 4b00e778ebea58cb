"""`tandem memory tail`."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tandem_memory.client import Memory, Record

from tests.services.memory.process import Service


@pytest.mark.usefixtures("two_lanes")
def test_tail_shows_what_happens_and_where_to_go_on(run: Any, desk: Any, memory: Memory, until: Any) -> None:
    """All there is, then news; Ctrl-C leaves with the cursor, from which another tail goes on."""
    lines = run("tail", "--beginning", "-c", 8, "-o", "json").stdout.splitlines()
    assert [next(iter(json.loads(line))) for line in lines] == ["appended"] * 4 + ["judged"] * 4
    file = desk.path / "out"
    with file.open("w") as out:
        words = [str(Path(sys.executable).with_name("tandem")), "memory", "tail", "--beginning"]
        process = subprocess.Popen(words, stdout=out, stderr=subprocess.PIPE, text=True, env=desk.environ)
    desk.started.append(process)
    until(lambda: len(file.read_text().splitlines()) == 8)
    memory.append([Record(question="news", answer="indeed", source="local")])
    until(lambda: "news -> indeed" in file.read_text())
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 130
    cursor = said.rpartition("--cursor ")[2].strip()
    memory.append([Record(question="later")])
    assert "later" in run("tail", "--cursor", cursor, "-c", 1).stdout


def test_tail_says_that_a_namespace_is_not_there_yet(desk: Any, namespace: str, service: Service, until: Any) -> None:
    """A name with a letter too many would be waited for in silence; its first record is shown all the same."""
    said = desk.path / "said"
    with said.open("w") as err:
        words = [str(Path(sys.executable).with_name("tandem")), "memory", "tail", "-n", "typo", "-c", "1"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=err, env=desk.environ, text=True)
    desk.started.append(process)
    until(lambda: "waiting for its first record" in said.read_text())
    assert namespace != "typo"
    assert said.read_text().startswith("typo: no such namespace yet, ")
    with Memory(service.address, "typo") as memory:
        until(lambda: memory.append([Record(question="at last")]) and process.poll() is not None)
    assert "at last" in process.communicate(timeout=300)[0]


def test_tail_outlives_the_service(desk: Any, tmp_path: Path, until: Any) -> None:
    """Killed and started again: a word on standard error, and every record once."""
    service = Service(tmp_path / "service").start()
    file, said = desk.path / "out", desk.path / "said"
    with file.open("w") as out, said.open("w") as err, Memory(service.address, "team") as memory:
        memory.append([Record(question="one")])
        words = [str(Path(sys.executable).with_name("tandem")), "memory", "tail", "--beginning", "-n", "team", "-c", "2", "-o", "json"]
        process = subprocess.Popen(words, stdout=out, stderr=err, env=desk.environ | {"TANDEM_MEMORY": service.address})
        desk.started.append(process)
        until(file.read_text)
        service.kill()
        until(lambda: "watching again once it answers" in said.read_text())
        service.start()
        memory.append([Record(question="two")])
        assert process.wait(300) == 0
    service.kill()
    assert [json.loads(line)["appended"]["question"] for line in file.read_text().splitlines()] == ["one", "two"]
    assert said.read_text().count("\n") == 1
