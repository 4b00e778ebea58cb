"""Chats as the numbers that a model reads: what its chat template makes of them, a hundred times faster."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerFast

from tests.parts.llm_models.tokenizer import BOS, EOS, PAD, ROLES, mark
from tests.parts.llm_models.wording import Chat

IGNORED = -100
"""The label of a token that is not to be learnt: functional.cross_entropy's own mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Tokens of a prompt and of its answer."""

    prompt: list[int]
    answer: list[int]


def row(chat: Chat, answer: str, words: PreTrainedTokenizerFast) -> Row:
    """A chat and what is to be answered."""
    marks = {role: mark(words, f"<|{role}|>") for role in ROLES}
    told = [token for role, content in chat for token in (marks[role], *_encoded(content, words))]
    return Row(prompt=[mark(words, BOS), *told, marks["assistant"]], answer=[*_encoded(answer, words), mark(words, EOS)])


def tensors(rows: Sequence[Row], words: PreTrainedTokenizerFast) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens and labels, both (rows, longest); the labels of all but answers are ignored."""
    longest = max(len(each.prompt) + len(each.answer) for each in rows)
    tokens_BT = torch.full((len(rows), longest), mark(words, PAD))
    labels_BT = torch.full_like(tokens_BT, IGNORED)
    for place, each in enumerate(rows):
        until = len(each.prompt) + len(each.answer)
        tokens_BT[place, :until] = torch.tensor(each.prompt + each.answer)
        labels_BT[place, len(each.prompt) : until] = torch.tensor(each.answer)
    return tokens_BT, labels_BT


def _encoded(text: str, words: PreTrainedTokenizerFast) -> list[int]:
    return words.backend_tokenizer.encode(text, add_special_tokens=False).ids
