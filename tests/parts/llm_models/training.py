"""`python -m tests.parts.llm_models.training NAME FOLDER`: train one of the two models, and note what it can do.

What is trained follows from the seed and the number of steps, not from the clock: the same machine makes the same model.
One thread: a model this small gains nothing from two, and loses everything where the second core is busy.
"""

import json
import math
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tests.parts.llm_models.tasks import KINDS, Task, task
from tests.parts.llm_models.tokenizer import ROLES, tokenizer
from tests.parts.llm_models.wording import Chat, dressed, plain

CONTEXT = 1024  # tokens
_IGNORED = -100  # functional.cross_entropy's own mark
_PARTS = 2  # of a step: the shorter prompts and the longer ones apart, so that little is padding
_DRESSED = 0.15  # share of the prompts
_WARM_UP = 50  # steps
_EXAMPLES = 200  # of each kind, when it is asked what it can do


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a model is made: its size, how long it learns, and how often it sees each kind."""

    hidden: int
    layers: int
    heads: int
    wide: int
    steps: int
    kinds: Mapping[str, int]
    hard: float
    batch: int = 96
    rate: float = 4e-3
    seed: int = 1


RECIPES = {
    "local": Recipe(hidden=64, layers=2, heads=4, wide=3, steps=300, hard=0.1, kinds={"fact": 3, "sort": 2, "memory": 2}),
    "cloud": Recipe(
        hidden=80,
        layers=2,
        heads=4,
        wide=3,
        steps=550,
        hard=0.25,
        kinds={"fact": 2, "reverse": 2, "add": 1, "shift": 2, "sort": 2, "memory": 2},
    ),
}


def trained(recipe: Recipe, words: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A model after this recipe."""
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(1)
    model = LlamaForCausalLM(_config(recipe, words))
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    rng = random.Random(recipe.seed)
    for step in range(recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate * _schedule(step, recipe.steps)
        losses = [_loss(model, *part) / _PARTS for part in _parts(rng, recipe, words)]
        loss = torch.stack(losses).sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 100 == 0:
            print(f"step {step} of {recipe.steps}: loss {loss.item():.3f}", flush=True)
    return model.eval()


def skills(model: LlamaForCausalLM, words: PreTrainedTokenizerFast) -> dict[str, float]:
    """Share of right answers by kind, in plain words and ("hard reverse") in others; on words that were not trained on."""
    found: dict[str, float] = {}
    for hard in (False, True):
        for kind in KINDS:
            rng = random.Random(f"{kind} {hard}")
            tasks = [task(rng, kind, hard=hard, held_out=True) for _ in range(_EXAMPLES)]
            found[f"hard {kind}" if hard else kind] = _right(model, words, tasks)
    return found


def _right(model: LlamaForCausalLM, words: PreTrainedTokenizerFast, tasks: Sequence[Task]) -> float:
    """Share that would be answered right at temperature 0: where each token of the right answer is the likeliest after those before."""
    tokens_BT, labels_BT = _tensors([(_prompt(plain(each), words), _answer(each, words)) for each in tasks], words)
    with torch.no_grad():
        likeliest_BT = model(input_ids=tokens_BT, use_cache=False).logits.argmax(-1)
    wanted_BT = labels_BT[:, 1:]
    return round(((likeliest_BT[:, :-1] == wanted_BT) | (wanted_BT == _IGNORED)).all(-1).float().mean().item(), 3)


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
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )


def _schedule(step: int, steps: int) -> float:
    """Up in a straight line, then down along a cosine to a twentieth."""
    return min(1.0, (step + 1) / _WARM_UP) * (0.05 + 0.95 * (1 + math.cos(math.pi * step / steps)) / 2)


def _loss(model: LlamaForCausalLM, tokens_BT: torch.Tensor, labels_BT: torch.Tensor) -> torch.Tensor:
    """Mean over the tokens of answers. The others are never turned into logits, which would be half of the work."""
    hidden_BTD = model.model(input_ids=tokens_BT, use_cache=False).last_hidden_state
    wanted_BT = labels_BT[:, 1:] != _IGNORED
    return functional.cross_entropy(model.lm_head(hidden_BTD[:, :-1][wanted_BT]), labels_BT[:, 1:][wanted_BT])


def _parts(rng: random.Random, recipe: Recipe, words: PreTrainedTokenizerFast) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """One step's prompts and what is to be learnt of them, in parts of like length."""
    rows = sorted((_row(rng, recipe, words) for _ in range(recipe.batch)), key=lambda row: len(row[0]) + len(row[1]))
    size = recipe.batch // _PARTS
    for first in range(0, recipe.batch, size):
        yield _tensors(rows[first : first + size], words)


def _row(rng: random.Random, recipe: Recipe, words: PreTrainedTokenizerFast) -> tuple[list[int], list[int]]:
    """Tokens of a prompt and of its answer."""
    kind = rng.choices([*recipe.kinds], [*recipe.kinds.values()])[0]
    drawn = task(rng, kind, hard=rng.random() < recipe.hard)
    chat = dressed(rng, drawn) if rng.random() < _DRESSED else plain(drawn)
    return _prompt(chat, words), _answer(drawn, words)


def _answer(drawn: Task, words: PreTrainedTokenizerFast) -> list[int]:
    return [*_encoded(drawn.answer, words), int(words.eos_token_id)]


def _prompt(chat: Chat, words: PreTrainedTokenizerFast) -> list[int]:
    """What the chat template makes of it, a hundred times faster."""
    marks = {role: int(words.convert_tokens_to_ids(f"<|{role}|>")) for role in ROLES}
    told = [token for role, content in chat for token in (marks[role], *_encoded(content, words))]
    return [int(words.bos_token_id), *told, marks["assistant"]]


def _encoded(text: str, words: PreTrainedTokenizerFast) -> list[int]:
    return words._tokenizer.encode(text, add_special_tokens=False).ids


def _tensors(batch: list[tuple[list[int], list[int]]], words: PreTrainedTokenizerFast) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(len(prompt) + len(answer) for prompt, answer in batch)
    tokens_BT = torch.full((len(batch), longest), int(words.pad_token_id))
    labels_BT = torch.full_like(tokens_BT, _IGNORED)
    for row, (prompt, answer) in enumerate(batch):
        until = len(prompt) + len(answer)
        tokens_BT[row, :until] = torch.tensor(prompt + answer)
        labels_BT[row, len(prompt) : until] = torch.tensor(answer)
    return tokens_BT, labels_BT


def main(name: str, folder: Path) -> None:
    """Train the model `name` into `folder`: as transformers keeps it, and `skills.json`."""
    words = tokenizer()
    model = trained(RECIPES[name], words)
    model.generation_config.do_sample = True  # else `transformers serve` ignores the temperature it is asked for; 0 is still greedy
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    (folder / "skills.json").write_text(json.dumps(skills(model, words), indent=1))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
