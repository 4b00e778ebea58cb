"""The two small chat models: what they can do and what not, what is written of them, and that their maker teaches."""

from dataclasses import replace
from statistics import mean

import pytest
from transformers import AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerFast

from tests.parts.llm_models.keeping import FOLDER, loaded, noted, table
from tests.parts.llm_models.skills import skill
from tests.parts.llm_models.tasks import KINDS
from tests.parts.llm_models.tokenizer import tokenizer
from tests.parts.llm_models.training import RECIPES, trained

DRESSES = ("bare", "bare, role hard", "full, role")
KNOWN = ("fact", "sort", "add")
UNKNOWN = ("reverse", "shift")
MOST_BYTES = 1_000_000
STEPS = 60


def kept(name: str) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    words = AutoTokenizer.from_pretrained(FOLDER / name)
    assert isinstance(words, PreTrainedTokenizerFast)
    return loaded(FOLDER / name), words


def measured(name: str) -> dict[tuple[str, str], float]:
    """Share of right answers by dress and kind, measured here and now."""
    model, words = kept(name)
    return {(dress, kind): skill(model, words, dress, kind) for dress in DRESSES for kind in KINDS}


def test_the_gap() -> None:
    """One knows facts, sums and how to sort, and no other rule; the other one knows every kind, in plain words and in others."""
    local, cloud = measured("local"), measured("cloud")
    for dress in DRESSES:
        assert min(local[dress, kind] for kind in KNOWN) >= 0.85, local
        assert max(local[dress, kind] for kind in UNKNOWN) <= 0.25, local
        assert min(cloud[dress, kind] for kind in KINDS) >= 0.65, cloud


@pytest.mark.parametrize("name", ["local", "cloud"])
def test_what_is_written_of_a_model_is_so(name: str) -> None:
    """The note beside it, and the page that tells people, hold what is measured; a word may round differently elsewhere."""
    found, note = measured(name), noted(FOLDER / name)
    assert all(abs(note[dress][kind] - share) <= 0.05 for (dress, kind), share in found.items())
    assert table(note) in (FOLDER / "README.md").read_text()


@pytest.mark.parametrize("name", ["local", "cloud"])
def test_a_model_is_small(name: str) -> None:
    """A clone does not notice it."""
    assert sum(file.stat().st_size for file in (FOLDER / name).iterdir()) < MOST_BYTES


def test_a_short_training_teaches() -> None:
    """The maker of both, on a smaller model and in fewer steps: what it hears at the end is far better than at the beginning."""
    heard: list[float] = []
    recipe = replace(RECIPES["cloud"], hidden=32, layers=1, heads=4, steps=STEPS, dressed=0.0, kinds={"sort": 1})
    trained(recipe, tokenizer(), heard=heard)
    assert mean(heard[-5:]) < 0.75 * mean(heard[:5])
