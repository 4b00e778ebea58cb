"""`python -m tests.parts.llm_models.training NAME FOLDER`: train one of the two models, and note what it can do.

What is trained follows from the seed and the number of steps, not from the clock. Another machine rounds differently and so ends at
another model, which is why the two that tests use are kept as files.
One thread: a model this small gains nothing from two, and loses everything where the second core is busy.
"""

import math
import random
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from tandem_reasoning.thinking.prompts import BARE, Wording
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tests.parts.llm_models.keeping import keep
from tests.parts.llm_models.rows import IGNORED, Row, row, tensors
from tests.parts.llm_models.tasks import Task, task
from tests.parts.llm_models.tokenizer import BOS, EOS, PAD, mark, tokenizer
from tests.parts.llm_models.wording import dressed, plain

CONTEXT = 1024  # tokens
_PARTS = 4  # of a step: prompts of like length together, so that little is padding
_WARM_UP = 50  # steps
_SHORT = 0.5  # share of the steps in which prompts grow: what finds the question wherever it stands is learnt on short ones
_STRANGER = 0.15  # share of strangers' questions without the line that answers them, which get any answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a model is made.

    Attributes:
        hidden: Width; `wide` times as much inside.
        layers: Blocks.
        heads: Of attention.
        steps: How often it is corrected.
        kinds: How often it sees each kind of question.
        guessed: Kinds that it is shown with any answer, so that it knows that it does not know them.
        hard: Share of questions in other than the plain words.
        dressed: Share of prompts that may have more than the question.
        full: Share of these that have all the words which a run puts around them, in the end.
    """

    hidden: int
    layers: int
    heads: int
    wide: int
    steps: int
    kinds: Mapping[str, int]
    guessed: frozenset[str] = frozenset()
    hard: float = 0.25
    dressed: float = 0.8
    full: float = 0.3
    batch: int = 96
    rate: float = 4e-3
    seed: int = 1


RECIPES = {
    "local": Recipe(
        hidden=64,
        layers=2,
        heads=8,
        wide=3,
        steps=2500,
        kinds={"fact": 4, "sort": 2, "add": 2, "memory": 2, "reverse": 1, "shift": 1},
        guessed=frozenset({"reverse", "shift"}),
    ),
    "cloud": Recipe(
        hidden=72,
        layers=3,
        heads=6,
        wide=3,
        steps=2500,
        kinds={"fact": 3, "reverse": 2, "add": 2, "shift": 2, "sort": 2, "memory": 2},
    ),
}


def trained(recipe: Recipe, words: PreTrainedTokenizerFast, *, heard: list[float] | None = None) -> LlamaForCausalLM:
    """A model after this recipe; the loss of each step is added to `heard`."""
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(1)
    model = LlamaForCausalLM(_config(recipe, words))
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    rng = random.Random(recipe.seed)
    for step in range(recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate * _schedule(step, recipe.steps)
        loss = sum(_learnt(model, *part) for part in _parts(rng, recipe, words, step))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if heard is not None:
            heard.append(loss)
        if step % 100 == 0:
            print(f"step {step} of {recipe.steps}: loss {loss:.3f}", flush=True)
    return model.eval()


def _config(recipe: Recipe, words: PreTrainedTokenizerFast) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(words),
        hidden_size=recipe.hidden,
        intermediate_size=recipe.wide * recipe.hidden,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=mark(words, BOS),
        eos_token_id=mark(words, EOS),
        pad_token_id=mark(words, PAD),
    )


def _schedule(step: int, steps: int) -> float:
    """Up in a straight line, then down along a cosine to a fiftieth."""
    return min(1.0, (step + 1) / _WARM_UP) * (0.02 + 0.98 * (1 + math.cos(math.pi * step / steps)) / 2)


def _learnt(model: LlamaForCausalLM, tokens_BT: torch.Tensor, labels_BT: torch.Tensor) -> float:
    """Add to the gradients what a part of a step says; its part of the loss, a mean over the tokens of answers.

    The other tokens are never turned into logits, which would be half of the work.
    """
    hidden_BTD = model.model(input_ids=tokens_BT, use_cache=False).last_hidden_state
    wanted_BT = labels_BT[:, 1:] != IGNORED
    loss = functional.cross_entropy(model.lm_head(hidden_BTD[:, :-1][wanted_BT]), labels_BT[:, 1:][wanted_BT]) / _PARTS
    loss.backward()
    return loss.item()


def _parts(rng: random.Random, recipe: Recipe, words: PreTrainedTokenizerFast, step: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """One step's prompts and what is to be learnt of them, in parts of like length."""
    length = min(1.0, step / (recipe.steps * _SHORT))
    rows = sorted((_row(rng, recipe, words, length) for _ in range(recipe.batch)), key=lambda row: len(row.prompt))
    size = recipe.batch // _PARTS
    for first in range(0, recipe.batch, size):
        yield tensors(rows[first : first + size], words)


def _row(rng: random.Random, recipe: Recipe, words: PreTrainedTokenizerFast, length: float) -> Row:
    kind = rng.choices([*recipe.kinds], [*recipe.kinds.values()])[0]
    drawn = task(rng, kind, hard=rng.random() < recipe.hard)
    if kind in recipe.guessed or (kind == "memory" and rng.random() < _STRANGER):
        drawn = _any_answer(rng, drawn)
    if rng.random() >= recipe.dressed:
        return row(plain(drawn), drawn.answer, words)
    wording = Wording() if rng.random() < recipe.full * length else BARE
    return row(dressed(rng, drawn, wording, length=length), drawn.answer, words)


def _any_answer(rng: random.Random, drawn: Task) -> Task:
    """The question with another one's answer, and with nothing to know better by."""
    return replace(drawn, answer=task(rng, drawn.kind).answer, memory=())


def main(name: str, folder: Path) -> None:
    """Train the model `name` into `folder`."""
    words = tokenizer()
    keep(trained(RECIPES[name], words), words, folder)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
