"""Which model a run gets, what it costs, and what is said when it cannot be had."""

import sys
from pathlib import Path

import pytest
import torch
from tandem_trainer.job import Model, Trainer
from tandem_trainer.models.build import build
from tandem_trainer.refusal import Refusal
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


def _trainer(**model: object) -> Trainer:
    return Trainer(kind="deepspeed", model=Model.model_validate(model))


@pytest.mark.parametrize(("layers", "width", "context"), [(2, 64, 64), (1, 128, 512), (4, 96, 32)])
def test_the_formula_agrees_with_torchs_own_count(layers: int, width: int, context: int) -> None:
    """6 N + 12 L d T within one percent of every multiplication of a forward and backward pass."""
    built = build(_trainer(layers=layers, width=width, heads=4), 320, 0)
    tokens = torch.randint(320, (3, context + 1))
    with FlopCounterMode(display=False) as counted, sdpa_kernel(SDPBackend.MATH):
        built.module(tokens).backward()
    total = counted.get_total_flops() / (3 * context)
    assert built.flops_per_token(context) == pytest.approx(total, rel=0.01)


def test_the_seed_decides_the_weights() -> None:
    """Same seed, same weights; another seed, others."""
    first, same, other = (build(_trainer(layers=1, width=32, heads=2), 64, seed).module.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["embedding.weight"], other["embedding.weight"])


def test_parameters_are_counted_once() -> None:
    """The tied embedding is one matrix."""
    built = build(_trainer(layers=1, width=32, heads=2), 64, 0)
    assert built.parameters == 64 * 32 + 32 * 96 + 32 * 32 + 32 * 192 + 96 * 32 + 3 * 32 + 2 * 16


def test_without_transformers_the_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Hugging Face name needs an extra, and the message names it."""
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(Refusal, match=r"trainer.model.huggingFace: gpt2 needs .* install tandem-trainer\[huggingface\]"):
        build(_trainer(hugging_face="gpt2"), 64, 0)


def test_a_hugging_face_configuration_is_built_for_our_vocabulary(tmp_path: Path) -> None:
    """A configuration on disk becomes a model with fresh weights whose loss is that of knowing nothing."""
    transformers = pytest.importorskip("transformers", reason="needs tandem-trainer[huggingface]")
    config = transformers.LlamaConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2
    )
    config.save_pretrained(str(tmp_path))
    built = build(_trainer(hugging_face=str(tmp_path)), 320, 0)
    assert built.module(torch.randint(320, (2, 17))).item() == pytest.approx(5.77, rel=0.05)
    with pytest.raises(Refusal, match="no causal language model"):
        build(_trainer(hugging_face=str(tmp_path / "nothing")), 64, 0)
