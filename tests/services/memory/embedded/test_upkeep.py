"""How long an end may take, and what is done first."""

from typing import Any

import pytest
from tandem_memory.embedded.upkeep import Upkeep
from tandem_memory.index import Index

from tests.services.memory.driven import Driven, questions, record


class Slow:
    """Indexes that are arranged, and whose snapshots take two seconds of a clock of their own."""

    def __init__(self, **changes: int) -> None:
        self.changes, self.saved, self.now_s = changes, list[str](), 0.0
        self.all = {name: Index(4) for name in changes}

    def clock(self) -> float:
        return self.now_s

    def unsaved(self, name: str) -> int:
        return self.changes[name]

    def save(self, name: str) -> None:
        self.saved.append(name)
        self.now_s += 2.0


def test_what_takes_longest_to_read_again_is_saved_first(caplog: pytest.LogCaptureFixture) -> None:
    """Until the time is over; how much is left out is said in one line."""
    slow: Any = Slow(a=3, b=70, c=0, d=9, e=40, f=5)
    with caplog.at_level("INFO", "tandem_memory"):
        Upkeep(slow, clock=slow.clock).close()
    assert slow.saved == ["b", "e", "d"]
    assert caplog.messages == [
        "no time for snapshots of 2 of 5 indexes that changed; the next start reads up to 5 changes of each from the log"
    ]


def test_an_end_without_snapshots_loses_nothing(memory: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """All namespaces are read from the log again."""
    monkeypatch.setattr("tandem_memory.embedded.upkeep._CLOSING_S", 0.0)
    for name in "abc":
        memory.append(record(f"of {name}"), namespace=name)
    memory.again()
    assert not list(memory.backend._indexes._folder.glob("*"))
    assert [questions(memory.scan(namespace=name)) for name in "abc"] == [["of a"], ["of b"], ["of c"]]
    assert memory.check() == (3, [])
