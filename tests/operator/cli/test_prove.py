"""`tandem prove vram`: a real small proof, and proofs that fail, are refused, break off or are left."""

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.operator.cli.conftest import Desk, bare_python

_HAS_ALL = '[ "$1" = -c ] && exit 0\n'  # asked what it lacks, it names nothing


@pytest.mark.slow
def test_a_small_proof(desk: Desk) -> None:
    """Exit code 0: a line for each number of experts, the table, the slopes, the verdict, a picture, and the rows for programs."""
    desk.environ["TANDEM_PYTHON"] = sys.executable
    small = ("--experts", "8,16,32", "--width", "32", "--inner", "48", "--windows", "3", "--out", "proof")
    said = desk.tandem("prove", "vram", *small)
    assert (said.returncode, said.stderr) == (0, "")
    lines = said.stdout.splitlines()
    assert lines[:3] == [f"{count} experts: 3 windows measured" for count in (8, 16, 32)]
    assert [line.split()[0] for line in lines if " MB " in line] == ["8", "16", "32"]
    assert "which leaves 0.0 bytes an expert" in said.stdout
    assert any(line.startswith("flat: 8 to 32 experts") for line in lines)
    kept = json.loads((desk.path / "proof" / "constant_vram_proof.json").read_text())
    assert kept["verdict"]["flat"]
    assert [row["heldBytes"] for row in kept["rows"]] == [[row["predictedBytes"]] * 3 for row in kept["rows"]]
    assert (desk.path / "proof" / "constant_vram_proof.png").read_bytes().startswith(b"\x89PNG")


def test_a_proof_that_fails(desk: Desk) -> None:
    """Exit code 1 and one sentence that says why; rows and picture are kept all the same."""
    _measurement(desk, *(_row(count, held=1_000_000 + 6144 * count) for count in (8, 16, 32)), _VERDICT, code=1)
    said = desk.tandem("prove", "vram")
    assert said.returncode == 1
    assert "\nnot flat: device memory grows by 6,144.0 bytes an expert\n" in said.stdout
    assert {path.name for path in (desk.path / "outputs").iterdir()} == {"constant_vram_proof.json", "constant_vram_proof.png"}


@pytest.mark.parametrize(("experts", "words"), [("8,16", "name 3 different numbers"), ("many", "is no list of numbers")])
def test_what_cannot_be_measured_is_refused(desk: Desk, experts: str, words: str) -> None:
    """One line that names the option, exit code 2, and nothing is written."""
    desk.environ["TANDEM_PYTHON"] = sys.executable
    said = desk.tandem("prove", "vram", "--experts", experts)
    assert (said.returncode, said.stderr.count("\n"), said.stdout) == (2, 1, "")
    assert said.stderr.startswith("tandem: --experts: ")
    assert words in said.stderr
    assert not (desk.path / "outputs").exists()


def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_measured(desk: Any) -> None:
    """It, why, and what to do."""
    refused = desk.tandem("prove", "vram", "--out", "/proc/nothing/here")
    assert refused.returncode == 2
    assert "--out: /proc/nothing/here cannot be made: No such file or directory: name another folder" in refused.stderr
    assert "windows measured" not in refused.stdout


def test_a_python_without_the_trainer_is_told_before_anything_starts(desk: Desk) -> None:
    """One line with what is missing and how to have it, exit code 2; so is a Python that is not there."""
    desk.environ["TANDEM_PYTHON"] = str(bare_python(desk.path))
    said = desk.tandem("prove", "vram")
    assert (said.returncode, said.stderr.count("\n"), said.stdout) == (2, 1, "")
    assert "has no tandem_trainer and no torch: install the trainer: " in said.stderr
    desk.environ["TANDEM_PYTHON"] = str(desk.path / "none")
    said = desk.tandem("prove", "vram")
    assert (said.returncode, said.stderr.count("\n")) == (2, 1)
    assert "none cannot be run (No such file or directory): install the trainer: " in said.stderr


def test_a_measurement_that_breaks_off(desk: Desk) -> None:
    """Its last words are told, with an exit code of their own."""
    _measurement(desk, _row(8, held=1_000_000), code=70, last_words="measuring 16 experts ended with exit code -9")
    said = desk.tandem("prove", "vram")
    assert (said.returncode, said.stderr) == (70, "tandem: measuring 16 experts ended with exit code -9\n")


def test_leaving_ends_the_measurement(desk: Desk, until: Callable[[Callable[[], object]], None]) -> None:
    """Ctrl-C leaves nothing behind that goes on measuring."""
    script = desk.path / "python"
    script.write_text(f"#!/bin/sh\n{_HAS_ALL}echo $$ > {desk.path}/pid\nsleep 1000\n")
    process = desk.start("prove", "vram")
    until(lambda: (desk.path / "pid").exists() and (desk.path / "pid").read_text())
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    assert not Path("/proc", (desk.path / "pid").read_text().strip()).exists()


def _measurement(desk: Desk, *said: dict[str, Any], code: int, last_words: str = "") -> None:
    """What stands in for the measurement: it says this."""
    lines = desk.path / "said.jsonl"
    lines.write_text("".join(f"{json.dumps(event)}\n" for event in said))
    (desk.path / "python").write_text(f"#!/bin/sh\n{_HAS_ALL}cat {lines}\necho '{last_words}' >&2\nexit {code}\n")


def _row(count: int, *, held: int) -> dict[str, Any]:
    of_row = {
        "device": "a card",
        "experts": count,
        "heldBytes": [held] * 3,
        "peakBytes": [2 * held] * 3,
        "meanBytes": float(held),
        "stdBytes": 0.0,
        "variation": 0.0,
        "predictedBytes": held,
        "routerBytes": 100 * count,
        "residentBytes": held + 6144 * count,
        "allocations": 0,
        "processBytes": 3 * held,
    }
    return {"row": of_row}


_GROWTH = {
    "measured": {"slope": 6244.0, "low": 6244.0, "high": 6244.0},
    "router": 100.0,
    "left": {"slope": 6144.0, "low": 6144, "high": 6144},
}
_VERDICT = {
    "verdict": {"flat": False, "faults": ["device memory grows by 6,144.0 bytes an expert"], "held": _GROWTH, "peak": _GROWTH},
}
