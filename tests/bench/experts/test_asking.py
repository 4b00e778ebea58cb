"""What cannot be measured is refused before anything is: in one line that names it, with exit code 2."""

import sys
from pathlib import Path

import pytest

from tests.bench.experts import continual, disk, growth, learning, schedule

SAID = "One text of my own, about this and that.\n"
MAINS = {"continual": continual.main, "disk": disk.main, "growth": growth.main, "learning": learning.main, "schedule": schedule.main}


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files to be named."""
    monkeypatch.chdir(tmp_path)
    for name, said in {"empty": "", "short": SAID, "enough": SAID * 2000, "other/enough": SAID * 2000, "python": SAID * 2000}.items():
        (path := tmp_path / name).parent.mkdir(exist_ok=True)
        path.write_text(said)


@pytest.mark.usefixtures("texts")
@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("learning language --text absent", "absent is no file: name one that exists"),
        ("learning language --text other", "other is no file: name one that exists"),
        ("learning language --text empty", "there is no text in UTF-8 in empty of "),
        (
            "learning language --text short",
            "/short: has 0 sequences of 64 bytes, and 400 steps and questions about the unseen take 6,912: take a",
        ),
        ("learning rates --text enough --steps 60", "/enough: has 1,281 sequences of 64 bytes, and 60 steps and questions about"),
        ("learning mixture --rules responsibility guess", "--rules: invalid choice: 'guess' (choose from "),
        ("learning mixture --rules", "--rules: expected at least one argument"),
        ("learning mixture --seeds 0", "--seeds: invalid choice: 0 (choose from 1, 2, "),
        ("learning language --steps 3", "--steps: '3' is no whole number from 4 on"),
        ("learning guesses", "'guesses' is none of mixture, language, rates"),
        ("growth language --steps -1", "--steps: "),
        ("growth language --steps 1000000", "python-stdlib: has "),
        ("growth start language --steps 1000000", "python-stdlib: has "),
        ("growth start --seeds 9", "--seeds: invalid choice: 9 "),
        ("continual --text short", "/short: has 0 sequences "),
        ("continual --texts python --text python", "--texts, --text: python: name 2 texts or more, none of which is called as another"),
        ("continual --texts python --text enough --text other/enough", "--texts, --text: python, enough: name 2 texts or more, none of"),
        ("continual --texts python", "--texts, --text: python: name 2 texts or more"),
        ("continual --plot absent/plot.png", "--plot: absent is no folder: name one that exists"),
        ("continual --plot other", "--plot: other is a folder: name a file in it"),
        ("continual --steps 2", "--steps: '2' is no whole number from 3 on"),
        ("disk --rounds 0", "--rounds: '0' is no whole number from 1 on"),
        ("disk --folder absent", "--folder: absent is no folder: name one that exists"),
        ("schedule --rounds many", "--rounds: 'many' is no whole number from 1 on"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    command: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a text that is none, or too short; of numbers of seeds, steps and rounds; of rules, folders and cards."""
    part, *words = command.split()
    monkeypatch.setattr(sys, "argv", [f"{part}.py", *words])
    with pytest.raises(SystemExit) as left:
        MAINS[part]()
    said = capsys.readouterr()
    assert (left.value.code, said.out) == (2, "")
    (line,) = said.err.splitlines()
    assert line.startswith(f"{part}.py: ")
    assert told in line


def test_who_names_no_part_gets_the_usual_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """All ways to grow; of what rules are worth all but the rates."""
    measured = list[str]()
    for part in growth.PARTS:
        monkeypatch.setitem(growth.PARTS, part, lambda *_, part=part: measured.append(part))
    monkeypatch.setattr(sys, "argv", ["growth.py"])
    growth.main()
    assert measured == list(growth.PARTS)
    measured.clear()
    for part in ("mixture", "language", "rates"):
        monkeypatch.setattr(learning, f"tell_{part}", lambda *_, part=part: measured.append(part))
    monkeypatch.setattr(sys, "argv", ["learning.py"])
    learning.main()
    assert measured == ["mixture", "language"]


def test_a_card_that_is_not_there_is_a_mistake_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Before torch is asked to work on it."""
    monkeypatch.setattr(sys, "argv", ["schedule.py", "--gpu"])
    monkeypatch.setattr(schedule.torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="2"):
        schedule.main()
    assert capsys.readouterr().err == "schedule.py: --gpu: torch finds no card on this machine: leave it out\n"
