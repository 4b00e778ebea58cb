"""The transformer sees only the past, starts from a uniform guess, ties its embeddings and learns."""

import math

import pytest
import torch
from tandem_trainer.models import transformer
from tandem_trainer.models.transformer import Sizes, Transformer

SIZES = Sizes(layers=2, width=48, heads=3, vocabulary=64)


@pytest.fixture
def model() -> Transformer:
    torch.manual_seed(0)
    return Transformer(SIZES)


def _tokens(rows: int = 4, length: int = 17) -> torch.Tensor:
    return torch.randint(64, (rows, length), generator=torch.Generator().manual_seed(1))


def test_the_first_loss_is_that_of_knowing_nothing(model: Transformer) -> None:
    """Logits start near zero: the loss is the logarithm of the vocabulary."""
    assert model(_tokens()).item() == pytest.approx(math.log(64), rel=0.02)


def test_no_token_sees_a_later_one(model: Transformer) -> None:
    """Changing the last token changes the loss only through its own prediction, not through what others saw."""
    tokens = _tokens(1)
    streams = []
    model.head.register_forward_pre_hook(lambda _, inputs: streams.append(inputs[0]))
    for last in (3, 4):
        tokens[0, -2] = last  # the last one that is an input
        model(tokens)
    assert torch.equal(streams[0][:, :-1], streams[1][:, :-1])
    assert not torch.equal(streams[0][:, -1], streams[1][:, -1])


def test_attention_is_that_of_the_papers(model: Transformer) -> None:
    """Queries and keys are normalised, then turned by their positions as complex numbers; softmax over the past."""
    attention, x = model.blocks[0].attention, torch.randn(1, 7, 48, generator=torch.Generator().manual_seed(2))
    query, key, value = (each.view(7, 3, 16).transpose(0, 1) for each in attention.query_key_value(x)[0].split(48, dim=-1))
    turns = torch.polar(torch.ones(7, 8), torch.outer(torch.arange(7.0), 10_000 ** -(torch.arange(8) / 8)))

    def turned(vectors: torch.Tensor) -> torch.Tensor:
        normal = vectors / vectors.pow(2).mean(-1, keepdim=True).sqrt()
        return torch.complex(normal[..., :8], normal[..., 8:]) * turns

    scores = (turned(query) @ turned(key).mH).real / 4
    past = torch.ones(7, 7, dtype=torch.bool).tril()
    mixed = scores.masked_fill(~past, float("-inf")).softmax(-1) @ value
    wanted = attention.output(mixed.transpose(0, 1).reshape(7, 48))
    found = attention(x, transformer._rotation(x, 16))
    torch.testing.assert_close(found[0], wanted, rtol=1e-4, atol=1e-5)


def test_embeddings_are_tied_and_have_one_name(model: Transformer) -> None:
    """One matrix, listed once, with gradients from both its uses."""
    names = dict(model.named_parameters())
    assert model.head.weight is model.embedding.weight
    assert "embedding.weight" in names
    assert "head.weight" not in names


def test_recomputation_changes_nothing_but_memory(model: Transformer) -> None:
    """Gradients with activation checkpointing are those without."""
    torch.manual_seed(0)
    recomputing = Transformer(SIZES, recompute=True)
    for each in (model, recomputing):
        each(_tokens()).backward()
    for plain, again in zip(model.parameters(), recomputing.parameters(), strict=True):
        torch.testing.assert_close(plain.grad, again.grad)


def test_it_learns_a_pattern_by_heart(model: Transformer) -> None:
    """A hundred steps on one batch bring the loss below a tenth of a nat."""
    optimizer, tokens = torch.optim.AdamW(model.parameters(), lr=3e-3), _tokens()
    for _ in range(100):
        optimizer.zero_grad()
        loss = model(tokens)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
