"""The chunked loss is the plain loss."""

import pytest
import torch
from tandem_trainer.models.cross_entropy import linear_cross_entropy
from torch.nn import functional


def _inputs(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(50, 24, generator=generator).to(dtype).requires_grad_()
    weight = (torch.randn(77, 24, generator=generator) / 4).to(dtype).requires_grad_()
    return hidden, weight, torch.randint(77, (50,), generator=generator)


@pytest.mark.parametrize("logits_at_once", [1, 7 * 77, 50 * 77, 10**6])
def test_loss_and_gradients_equal_those_of_the_plain_loss(logits_at_once: int) -> None:
    """fp32, in chunks of 1, 7 and all rows: equal to 1e-6, also when the loss is scaled before it goes back."""
    hidden, weight, targets = _inputs(torch.float32)
    plain = functional.cross_entropy(hidden @ weight.T, targets)
    expected = torch.autograd.grad(plain * 3, [hidden, weight])
    chunked = linear_cross_entropy(hidden, weight, targets, logits_at_once)
    gradients = torch.autograd.grad(chunked * 3, [hidden, weight])
    assert chunked.item() == pytest.approx(plain.item(), rel=1e-6)
    for gradient, wanted in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, wanted, rtol=1e-6, atol=1e-6)


def test_bf16_adds_up_in_fp32() -> None:
    """bf16 inputs lose no more than their own rounding."""
    hidden, weight, targets = _inputs(torch.bfloat16)
    exact = functional.cross_entropy(hidden.float() @ weight.float().T, targets)
    chunked = linear_cross_entropy(hidden, weight, targets, 5 * 77)
    assert chunked.dtype == torch.float32
    assert chunked.item() == pytest.approx(exact.item(), rel=2e-3)


def test_without_gradients_none_are_made() -> None:
    """Under no_grad only the loss is computed."""
    hidden, weight, targets = _inputs(torch.float32)
    with torch.no_grad():
        loss = linear_cross_entropy(hidden, weight, targets)
    assert not loss.requires_grad
    assert loss.item() == pytest.approx(functional.cross_entropy(hidden @ weight.T, targets).item(), rel=1e-6)
