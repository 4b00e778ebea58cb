"""Parts of the bench run, with few steps and one seed, and tell what they promise. How good or fast anything is, no test asks."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.bench.experts import growth
from tests.bench.experts.continual import LOOKS, Course

_ROOT = Path(__file__).parents[3]
_PNG = b"\x89PNG\r\n\x1a\n"


def _lines(part: str, *said: str) -> Sequence[dict[str, Any]]:
    command = [sys.executable, "-m", f"tests.bench.experts.{part}", "--seeds", "1", *said]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def _own_text(folder: Path) -> Path:
    (path := folder / "own.txt").write_text("One text of my own, about this and that.\n" * 2000)
    return path


def test_what_is_forgotten_is_counted_from_when_a_text_had_just_been_learned() -> None:
    """Two texts: the first stood at 2.0 after its lessons and at 3.5 in the end; of the last nothing can have been forgotten."""
    during = [[5.0, 5.0]] * (LOOKS - 1)
    fared = Course(looks=[*during, [2.0, 4.0], *during, [3.5, 1.0]])
    assert fared.learned == [2.0, 1.0]
    assert fared.forgotten == [1.5]


@pytest.mark.slow
def test_forgetting_is_told_of_texts_that_come_along_and_of_one_that_a_user_brings(tmp_path: Path) -> None:
    """Python source, then a text of one's own: what was forgotten of the first, what is left of both, and a picture."""
    own, plot, models = _own_text(tmp_path), tmp_path / "plot.png", ("responsibility", "dense")
    told = _lines("continual", "--texts", "python", "--text", str(own), "--steps", "6", "--models", *models, "--plot", str(plot))
    named = [(line["metric"], line["model"], line["text"]) for line in told]
    of_each = [("continual_forgotten", "python"), ("continual_forgotten", "all"), ("continual_left", "all")]
    assert named == [(metric, model, text) for model in models for metric, text in of_each]
    assert plot.read_bytes().startswith(_PNG)


def test_every_way_to_grow_is_compared_with_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After very few windows: each way at each mark, with what it has of the error of none, who has nothing to be compared with."""
    for name, short in {"MARKS": {8: (1, 3)}, "BREAK": 1, "LOOK": 2, "AFTER_BREAK": (2, 4), "EVERY": 1}.items():
        monkeypatch.setattr(growth, name, short)
    for part in ("start", "breaking", "few", "messages", "levels"):
        growth.PARTS[part](range(1), growth.Reading(steps=0, cache=tmp_path))
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    errors = [line for line in told if line["metric"] == "growth_error"]
    ways = {"keys_from_tokens", "renewed", "nobody_broke", "few", "messages_half", "messages_whole", "levels"}
    assert {line["way"] for line in errors} == {"none", *ways}
    assert all(("of_none" in line) == (line["way"] != "none") for line in errors)
    assert {line["windows"] for line in errors} == {1, 3, 2, 4}


@pytest.mark.slow
def test_ways_to_grow_are_compared_on_language() -> None:
    """A quarter, half and all of the steps; nats more than with none, from the same seed."""
    told = _lines("growth", "language", "--steps", "8")
    assert {(line["way"], line["steps"]) for line in told} == {
        (way, steps) for way in ("none", "keys_from_tokens", "few", "messages_half", "messages_whole") for steps in (2, 4, 8)
    }


@pytest.mark.slow
def test_rules_are_compared_on_language_with_one_whose_experts_learn_nothing(tmp_path: Path) -> None:
    """On a text of one's own: loss at each of three marks for each rule, and the gap to the bound for all but the bound."""
    asked = ("--steps", "8", "--rules", "responsibility", "end_to_end", "--text", str(_own_text(tmp_path)))
    told = _lines("learning", "language", *asked)
    of_loss = [(line["rule"], line["steps"]) for line in told if line["metric"] == "language_loss"]
    assert of_loss == [(rule, steps) for rule in ("responsibility", "end_to_end", "untaught") for steps in (2, 4, 8)]
    assert {line["rule"] for line in told if line["metric"] == "language_gap"} == {"responsibility", "untaught"}
