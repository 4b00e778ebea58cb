"""The parts of a round of distillation, in their order; each part itself is tested where it lives."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tandem_operator.cli import running
from tandem_operator.cli.dual import distilling as rounds
from tandem_operator.cli.exits import Exit
from tandem_operator.local.dual import distilling
from tandem_operator.local.dual.distilling import Round
from tandem_operator.local.state.home import Home
from tandem_operator.local.state.run_folder import DualFolder

from tests.operator.plan.dual.runs import CLOUD, dual

TAUGHT = {"name": "local", "kind": "Local", "engine": {"model": "/models/local"}}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The run files that a round runs, where each part does what it should."""
    ran: list[dict[str, Any]] = []

    def run_file(path: str, **_: object) -> Exit:
        ran.append(yaml.safe_load(Path(path).read_text()))
        return Exit.DONE

    monkeypatch.setenv("TANDEM_STATE", str(tmp_path))
    monkeypatch.setattr(running, "run_file", run_file)
    monkeypatch.setattr(distilling, "gathered", lambda made, _: replace(made, told=made.told | {"textBytes": 9000}, file="taught.jsonl"))
    monkeypatch.setattr(distilling, "export", lambda *_: None)
    monkeypatch.setattr(distilling, "judged", lambda *_: (True, ("promoted",)))
    return ran


def distilled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crosses: int) -> Exit:
    """A round of which so many crosses are made."""
    told = {"digest": "0123456789", "textBytes": 3000, "longestBytes": 60, "crosses": crosses}
    monkeypatch.setattr(distilling, "chosen", lambda *_: Round(path=tmp_path, told=told, lines=("chosen",)))
    folder: DualFolder = Home(tmp_path).dual("pair")
    folder.write_wanted(dual(lanes=[CLOUD, TAUGHT]))
    return rounds.distill(folder, least=1, learning_rate=None, save=None, plain=True)


def test_the_model_is_heard_before_it_is_taught(tmp_path: Path, files: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says to crosses is part of what is taught, and of how long; only then both models answer what was kept back."""
    assert distilled(tmp_path, monkeypatch, crosses=5) is Exit.DONE
    heard, taught, *judged = files
    assert [each["metadata"]["name"].split("-")[1] for each in files] == ["habits", "distil", "before", "after"]
    assert heard["spec"]["questions"]["source"] == str(tmp_path / "crosses.jsonl")
    assert heard["spec"]["lanes"][0]["engine"]["model"] == "/models/local"
    assert taught["spec"]["data"]["source"] == str(tmp_path / "taught.jsonl")
    assert taught["spec"]["phases"][0]["steps"] == -(-5 * 9000 // (3 * 8 * 64))
    assert [each["spec"]["lanes"][0]["engine"]["model"] for each in judged] == ["/models/local", str(tmp_path / "model")]
    assert {each["spec"]["questions"]["source"] for each in judged} == {str(tmp_path / "canary.jsonl")}


def test_without_crosses_nobody_is_heard(tmp_path: Path, files: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none could be made, what was chosen is what is taught."""
    assert distilled(tmp_path, monkeypatch, crosses=0) is Exit.DONE
    assert [each["metadata"]["name"].split("-")[1] for each in files] == ["distil", "before", "after"]
    assert files[0]["spec"]["data"]["source"] == str(tmp_path / "rows.jsonl")


def test_a_part_that_fails_is_the_last_one(tmp_path: Path, files: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is taught when the model was not heard; its exit code is the command's."""
    monkeypatch.setattr(running, "run_file", lambda path, **_: files.append({"path": path}) or Exit.FAILED)
    assert distilled(tmp_path, monkeypatch, crosses=5) is Exit.FAILED
    assert files == [{"path": str(tmp_path / "habits.yaml")}]
