"""What a model can do: the share of right answers by kind of question, in each of the prompts that a DualRun makes.

On words that were not trained on, and with what must be remembered for it at hand.
"""

import random
from collections.abc import Callable, Mapping, Sequence

import torch
from tandem_reasoning.thinking.prompts import BARE, Wording
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from tests.parts.llm_models.rows import IGNORED, row, tensors
from tests.parts.llm_models.tasks import KINDS, Task, task
from tests.parts.llm_models.wording import Chat, any_role, plain, unrelated, votes, worded

_EXAMPLES = 100  # of each kind in each dress
_HARD = " hard"  # marks a dress whose questions are in other words than the plain ones

Dress = Callable[[random.Random, Task], Chat]


def _role(wording: Wording) -> Dress:
    return lambda rng, each: worded(each, wording, role=any_role(rng))


def _unrelated(wording: Wording) -> Dress:
    return lambda rng, each: worded(each, wording, recalled=(unrelated(rng, each), *each.memory))


def _votes(wording: Wording) -> Dress:
    return lambda rng, each: worded(each, wording, role=any_role(rng), earlier=votes(rng, each))


DRESSES: Mapping[str, Dress] = {
    "bare": lambda _, each: plain(each),
    "bare hard": lambda _, each: plain(each),
    "bare, role": _role(BARE),
    "bare, role hard": _role(BARE),
    "bare, unrelated line": _unrelated(BARE),
    "bare, role, votes": _votes(BARE),
    "full": lambda _, each: worded(each, Wording()),
    "full, role": _role(Wording()),
    "full, role hard": _role(Wording()),
    "full, unrelated line": _unrelated(Wording()),
    "full, role, votes": _votes(Wording()),
}
"""Prompts by name; `bare` has nothing around the question, `full` all that a run puts around it by default."""


def skills(model: LlamaForCausalLM, words: PreTrainedTokenizerFast) -> dict[str, dict[str, float]]:
    """Share of right answers by dress and kind."""
    return {name: {kind: skill(model, words, name, kind) for kind in KINDS} for name in DRESSES}


def skill(model: LlamaForCausalLM, words: PreTrainedTokenizerFast, name: str, kind: str) -> float:
    """Share of right answers to a kind in a dress."""
    rng = random.Random(f"{name} {kind}")
    tasks = [task(rng, kind, hard=name.endswith(_HARD), held_out=True) for _ in range(_EXAMPLES)]
    return _right(model, words, [(DRESSES[name](rng, each), each.answer) for each in tasks])


def _right(model: LlamaForCausalLM, words: PreTrainedTokenizerFast, asked: Sequence[tuple[Chat, str]]) -> float:
    """Share that would be answered right at temperature 0: where each token of the right answer is the likeliest after those before."""
    tokens_BT, labels_BT = tensors([row(chat, answer, words) for chat, answer in asked], words)
    with torch.no_grad():
        likeliest_BT = model(input_ids=tokens_BT, use_cache=False).logits.argmax(-1)
    wanted_BT = labels_BT[:, 1:]
    return round(((likeliest_BT[:, :-1] == wanted_BT) | (wanted_BT == IGNORED)).all(-1).float().mean().item(), 3)
