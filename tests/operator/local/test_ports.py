"""Which ports a run on this machine listens on."""

import socket
from pathlib import Path

import pytest
from tandem_operator.local.process import ports

from tests.parts.running import free_port


def test_none_is_chosen_that_the_system_gives_to_others(tmp_path: Path) -> None:
    """Else a connection of another program may have it before a rendezvous listens there."""
    (given := tmp_path / "range").write_text("20500\t65535\n")
    assert {20_000 <= ports.free(given) < 20_500 for _ in range(50)} == {True}


def test_one_that_is_taken_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no other is left, it is one that the system gives."""
    only, given = free_port(), tmp_path / "range"
    monkeypatch.setattr(ports, "_LOWEST", only)
    given.write_text(f"{only + 1}\t65535\n")
    assert ports.free(given) == only
    with socket.create_server(("127.0.0.1", only)):
        assert ports.free(given) != only


@pytest.mark.parametrize("told", [None, "", "1024\t65535\n"])
def test_a_system_that_leaves_none_gives_one(tmp_path: Path, told: str | None) -> None:
    """Nor does one that says nothing of its range, as other systems than Linux do not."""
    if told is not None:
        (tmp_path / "range").write_text(told)
    assert not ports.taken(ports.free(tmp_path / "range"))
