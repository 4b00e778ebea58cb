"""One round of distillation on this machine: what `tandem_reasoning.distilling` and `tandem_trainer.export` are asked, and where it lies.

A round has a folder of its own in that of its run, named after what is taught: rows.jsonl, crosses.jsonl, canary.jsonl and selection.json;
taught.jsonl and taught.json, which have the answers to the crosses as well; the run files habits.yaml, training.yaml, before.yaml,
after.yaml and promoted.yaml; the taught model, and verdict.json.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from tandem_operator.api.model import ApiModel
from tandem_operator.local.process.environment import interpreter, passed
from tandem_operator.local.state import durable
from tandem_operator.local.state.run_folder import DualFolder, RunFolder
from tandem_operator.plan.dual.distilling import Lessons

_LONGEST_S = 600  # to read a ledger of 50,000 questions takes about a minute, to write a model of 8 billion numbers several
_REJECTED = 1
_NAME = 8  # characters of the digest


class DistillError(Exception):
    """It cannot be done; a line that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A round, and what was said when it was chosen what to teach."""

    path: Path
    told: dict[str, Any]
    lines: tuple[str, ...]
    file: str = "rows.jsonl"

    @property
    def digest(self) -> str:
        """By which the runs of the round are named."""
        return str(self.told["digest"])

    @property
    def lessons(self) -> Lessons:
        """What is taught."""
        return Lessons(
            digest=self.digest,
            file=str(self.path / self.file),
            text_bytes=int(self.told["textBytes"]),
            longest_bytes=int(self.told["longestBytes"]),
        )

    @property
    def crosses(self) -> str | None:
        """The questions that nobody asked, whose answers by the model as it is are rehearsed; None when none could be made."""
        return str(self.path / "crosses.jsonl") if self.told["crosses"] else None

    @property
    def canary(self) -> str:
        """The questions that were kept back."""
        return str(self.path / "canary.jsonl")

    @property
    def model(self) -> Path:
        """The taught model."""
        return self.path / "model"

    def write(self, name: str, run: ApiModel) -> str:
        """Write a run file; where it is."""
        import yaml

        told = run.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"status": True, "metadata": {"uid", "generation"}})
        path = self.path / name
        durable.write(path, yaml.safe_dump(told, sort_keys=False, allow_unicode=True))
        return str(path)


def chosen(folder: DualFolder, least: int, learning_rate: float | None) -> Round:
    """Choose what to teach, from what the run has answered by now.

    Args:
        folder: The run's.
        least: Answers of the cloud lane that must teach something.
        learning_rate: Of the training, where a person has named one: with another one it is another round.

    Raises:
        DistillError: when there is too little, or the books cannot be read.
    """
    if not folder.ledger.exists():
        message = f"{folder.name}: has no books yet, so there is nothing to teach"
        raise DistillError(message)
    into = folder.path / "distilling" / "chosen"
    shutil.rmtree(into, ignore_errors=True)
    made = _ran("tandem_reasoning.distilling", "select", str(folder.ledger), "--into", str(into), "--min-samples", str(least))
    if made.returncode:
        message = f"{folder.name}: {_last_words(made)}"
        raise DistillError(message)
    told = cast("dict[str, Any]", json.loads((into / "selection.json").read_text(encoding="utf-8")))
    if learning_rate is not None:
        told["digest"] = hashlib.sha256(f"{told['digest']} {learning_rate}".encode()).hexdigest()
    path = into.with_name(str(told["digest"])[:_NAME])
    if not path.exists():
        into.rename(path)
    return Round(path=path, told=told, lines=tuple(made.stdout.splitlines()))


def gathered(made: Round, habits: DualFolder) -> Round:
    """The round with what the model as it is said to the questions that nobody asked.

    Args:
        made: The round.
        habits: The run in which it did.

    Raises:
        DistillError: when its books cannot be read.
    """
    ran = _ran("tandem_reasoning.distilling", "gather", str(habits.ledger), "--into", str(made.path))
    if ran.returncode:
        raise DistillError(_last_words(ran))
    sizes = cast("dict[str, Any]", json.loads((made.path / "taught.json").read_text(encoding="utf-8")))
    return replace(made, told=made.told | sizes, lines=tuple(ran.stdout.splitlines()), file="taught.jsonl")


def width(model: str) -> int | None:
    """Numbers in which a model holds a token, as its config.json says."""
    try:
        return int(json.loads(Path(model, "config.json").read_text(encoding="utf-8"))["hidden_size"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def export(trained: RunFolder, pretrained: str, into: Path) -> None:
    """Write what a run has trained as a Hugging Face folder, unless it is there.

    Raises:
        DistillError: when that cannot be done.
    """
    if into.exists():
        return
    begun = into.with_name(f"{into.name}.partial")
    shutil.rmtree(begun, ignore_errors=True)
    kept = trained.checkpoints.removeprefix("file://")
    made = _ran("tandem_trainer.export", "--pretrained", pretrained, "--checkpoints", kept, "--out", str(begun))
    if made.returncode:
        raise DistillError(_last_words(made))
    begun.rename(into)


def judged(before: DualFolder, after: DualFolder, into: Path) -> tuple[bool, tuple[str, ...]]:
    """Whether the taught model takes over, and the figures.

    Raises:
        DistillError: when the books of the canary cannot be read.
    """
    made = _ran("tandem_reasoning.distilling", "judge", str(before.ledger), str(after.ledger), "--into", str(into))
    if made.returncode not in (0, _REJECTED) or not made.stdout:
        raise DistillError(_last_words(made))
    return made.returncode == 0, tuple(made.stdout.splitlines())


def _ran(module: str, *words: str) -> "subprocess.CompletedProcess[str]":
    python = interpreter(os.environ)
    command = [python, "-m", module, *words]
    try:
        return subprocess.run(command, capture_output=True, text=True, env=passed(os.environ), timeout=_LONGEST_S, check=False)
    except subprocess.TimeoutExpired:
        message = f"{module} {words[0]}: took longer than {_LONGEST_S} s"
        raise DistillError(message) from None


def _last_words(made: "subprocess.CompletedProcess[str]") -> str:
    words: Sequence[str] = made.stderr.strip().splitlines() or [f"exit code {made.returncode}"]
    return words[-1].partition("distilling: ")[2] or words[-1]
