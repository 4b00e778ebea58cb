"""How a model is kept in files: as transformers keeps it, its numbers in half precision, beside a note of what it can do."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from tests.parts.llm_models.skills import skills
from tests.parts.llm_models.tasks import KINDS

FOLDER = Path(__file__).parents[3] / "manifests" / "examples" / "models"
"""Where the models `local` and `cloud` are."""


def keep(model: LlamaForCausalLM, words: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write a model; what it can do is measured after its numbers were rounded."""
    model.generation_config.do_sample = True  # else `transformers serve` ignores the temperature it is asked for; 0 is still greedy
    model.half().save_pretrained(folder)
    words.save_pretrained(folder)
    _read_as_float32(folder / "config.json")
    (folder / "skills.json").write_text(json.dumps(skills(loaded(folder), words), indent=1) + "\n")


def loaded(folder: Path) -> LlamaForCausalLM:
    """A model that was kept, ready to be asked."""
    return LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def noted(folder: Path) -> Mapping[str, Mapping[str, float]]:
    """What a model could do when it was kept: share of right answers by dress and kind."""
    return json.loads((folder / "skills.json").read_text())


def table(found: Mapping[str, Mapping[str, float]]) -> str:
    """The same as a table in Markdown."""
    lines = [f"| {dress} | " + " | ".join(f"{by_kind[kind]:.2f}" for kind in KINDS) + " |" for dress, by_kind in found.items()]
    return "\n".join(["| prompt | " + " | ".join(KINDS) + " |", "|---|" + "---|" * len(KINDS), *lines])


def _read_as_float32(config: Path) -> None:
    """Half of the digits are enough to keep, all are quicker to reckon with on a processor."""
    config.write_text(json.dumps(json.loads(config.read_text()) | {"dtype": "float32"}, indent=2) + "\n")
