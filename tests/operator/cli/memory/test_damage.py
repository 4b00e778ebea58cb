"""`tandem memory` over a store in which a record is not as it was written."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tandem_memory.client import BrokenError, Memory, Record

from tests.services.memory.process import Service


@pytest.fixture
def damaged(desk: Any, tmp_path: Path) -> Iterator[Service]:
    """A service that has lost one of three records."""
    service = Service(tmp_path / "service").start()
    with Memory(service.address, "team") as memory:
        memory.append([Record(question=f"question {n}", key=f"{n}") for n in range(3)])
    service.kill()
    log = tmp_path / "service" / "store" / "log" / "data.mdb"
    log.write_bytes(log.read_bytes().replace(b"question 1", b"question 7"))
    service.start()
    desk.environ |= {"TANDEM_MEMORY": service.address, "TANDEM_MEMORY_NAMESPACE": "team"}
    yield service
    service.kill()


def test_what_is_damaged_is_left_out_on_purpose(desk: Any, damaged: Service) -> None:
    """Each is named on standard error; who does not ask for that is told what is wrong, and how to go on."""
    said = "left out: records 1/2: not as it was written\n"
    ran = desk.tandem("memory", "export", "-", "--skip-damaged")
    assert (ran.returncode, ran.stderr) == (0, said)
    assert [json.loads(line)["question"] for line in ran.stdout.splitlines()] == ["question 0", "question 2"]
    ran = desk.tandem("memory", "tail", "--beginning", "--skip-damaged", "-c", 2, "-o", "json")
    assert (ran.returncode, ran.stderr) == (0, said)
    for words in (("export", "memory.jsonl"), ("tail", "--beginning", "-c", 2)):
        ran = desk.tandem("memory", *words)
        assert ran.returncode != 0
        assert "records 1/2: not as it was written; check says what else is wrong" in ran.stderr
        assert "skip_damaged" in ran.stderr
    assert not (desk.path / "memory.jsonl").exists()
    with Memory(damaged.address, "team") as memory, pytest.raises(BrokenError, match="not as it was written"):
        list(memory.export())
