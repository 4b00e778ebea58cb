"""Tandem's own small language model: the LLaMA recipe with QK-norm, in one readable file.

Pre-norm RMSNorm (Zhang and Sennrich 2019), rotary positions (Su et al. 2021), SwiGLU (Shazeer 2020), causal attention by
torch's fused kernel, tied embeddings, and normalised queries and keys: of many remedies for loss spikes at scale it is the
one that held (Dehghani et al. 2023; Marin 32B retrospective 2025).

Shapes: B sequences, T tokens, D width, H heads, C width of a head, V vocabulary.
"""
# capitals in the names of tensors are their shapes

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from tandem_trainer.models.cross_entropy import linear_cross_entropy

_ROTARY_BASE = 10_000.0
_EMBEDDING_STD = 0.02  # GPT-2's; the embedding is also the output matrix, so that first logits are small


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What makes one transformer different from another; `width` is a multiple of twice the `heads`."""

    layers: int
    width: int
    heads: int
    vocabulary: int

    @property
    def head_width(self) -> int:
        """Width of a head."""
        return self.width // self.heads

    @property
    def inner_width(self) -> int:
        """Width inside the feed-forward layer: 8/3 of the outer (three matrices cost what two of width 4 do), in 32s."""
        return -(-8 * self.width // (3 * 32)) * 32


class Transformer(nn.Module):
    """From token sequences to their loss."""

    def __init__(self, sizes: Sizes, *, recompute: bool = False) -> None:
        super().__init__()
        self.sizes, self.recompute = sizes, recompute
        self.embedding = nn.Embedding(sizes.vocabulary, sizes.width)
        nn.init.normal_(self.embedding.weight, std=_EMBEDDING_STD)
        self.blocks = nn.ModuleList(Block(sizes) for _ in range(sizes.layers))
        self.head = Head(sizes, self.embedding.weight)  # pyright: ignore[reportArgumentType]  # torch types it as a tensor

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Mean loss, in nats a token, of predicting each token but the first from those before it."""
        return self.head(self.stream(tokens_BT[:, :-1]), tokens_BT[:, 1:])

    def stream(self, tokens_BT: Tensor) -> Tensor:
        """What the blocks make of each token and those before it, (B, T, D): what the head predicts from."""
        x_BTD = self.embedding(tokens_BT)
        rotation = _rotation(x_BTD, self.sizes.head_width)
        for block in self.blocks:
            x_BTD = checkpoint(block, x_BTD, rotation, use_reentrant=False) if self.recompute else block(x_BTD, rotation)
        return x_BTD


class Block(nn.Module):
    """Attention, then a feed-forward layer, each added to the stream."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(sizes.width)
        self.attention = Attention(sizes)
        self.feed_forward_norm = nn.RMSNorm(sizes.width)
        self.feed_forward = FeedForward(sizes)

    def forward(self, x_BTD: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        """The stream after this block."""
        x_BTD = x_BTD + self.attention(self.attention_norm(x_BTD), rotation)
        return x_BTD + self.feed_forward(self.feed_forward_norm(x_BTD))


class Attention(nn.Module):
    """Causal self-attention with normalised queries and keys."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.heads = sizes.heads
        self.query_key_value = _linear(sizes.width, 3 * sizes.width)
        self.query_norm = nn.RMSNorm(sizes.head_width)
        self.key_norm = nn.RMSNorm(sizes.head_width)
        self.output = _linear(sizes.width, sizes.width, share=1 / (2 * sizes.layers))

    def forward(self, x_BTD: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        """What each token takes from those up to itself."""
        q_BHTC, k_BHTC, v_BHTC = self.query_key_value(x_BTD).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        q_BHTC = _rotated(self.query_norm(q_BHTC), rotation)
        k_BHTC = _rotated(self.key_norm(k_BHTC), rotation)
        mixed_BHTC = functional.scaled_dot_product_attention(q_BHTC, k_BHTC, v_BHTC, is_causal=True)
        return self.output(mixed_BHTC.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.gate_and_value = _linear(sizes.width, 2 * sizes.inner_width)
        self.output = _linear(sizes.inner_width, sizes.width, share=1 / (2 * sizes.layers))

    def forward(self, x_BTD: Tensor) -> Tensor:
        """What each token makes of itself."""
        gate, value = self.gate_and_value(x_BTD).chunk(2, dim=-1)
        return self.output(functional.silu(gate) * value)


class Head(nn.Module):
    """The loss. It holds the embedding's own matrix, so that ZeRO-3 gathers it here as it does there."""

    def __init__(self, sizes: Sizes, embedding_VD: nn.Parameter) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(sizes.width)
        self.weight = embedding_VD

    def forward(self, x_BTD: Tensor, targets_BT: Tensor) -> Tensor:
        """Mean loss in nats a token, fp32."""
        return linear_cross_entropy(self.norm(x_BTD).flatten(0, 1), self.weight, targets_BT.reshape(-1))


def _linear(inputs: int, outputs: int, share: float = 1.0) -> nn.Linear:
    """A matrix that keeps variance, or adds only `share` of it: 2 x layers additions then make one (GPT-2's scaling)."""
    linear = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(linear.weight, std=(share / inputs) ** 0.5)
    return linear


def _rotation(x_BTD: Tensor, head_width: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines of rotary positions, (T, C) each, in the stream's number format."""
    exponents = torch.arange(0, head_width, 2, device=x_BTD.device, dtype=torch.float32) / head_width
    angles = torch.outer(torch.arange(x_BTD.shape[1], device=x_BTD.device, dtype=torch.float32), _ROTARY_BASE**-exponents)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos().to(x_BTD.dtype), angles.sin().to(x_BTD.dtype)


def _rotated(x_BHTC: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    cosines, sines = rotation
    first, second = x_BHTC.chunk(2, dim=-1)
    return x_BHTC * cosines + torch.cat([-second, first], dim=-1) * sines
