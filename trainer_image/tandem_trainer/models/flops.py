"""How much arithmetic a token costs: 6 operations a weight and 12 x layers x width x context for attention.

The formula is that of PaLM (Chowdhery et al. 2022, appendix B), which counts causal attention as if it were full, as everybody
does who reports model FLOPs utilisation; `tests/trainer_image/models` holds it against torch's own counter.
"""

from torch import nn


def flops_per_token(weights: int, *, layers: int, width: int, context: int) -> float:
    """Operations of a forward and backward pass for one token, recomputation not counted; `weights` as counted below."""
    return 6.0 * weights + 12.0 * layers * width * context


def multiplied_weights(model: nn.Module) -> int:
    """Weights that every token is multiplied with: all matrices, an embedding only where it is the output matrix too."""
    looked_up = {module.weight for module in model.modules() if isinstance(module, nn.Embedding)}
    multiplied = {p for module in model.modules() if not isinstance(module, nn.Embedding) for p in module.parameters(recurse=False)}
    return sum(weight.numel() for weight in multiplied if weight.ndim > 1 or weight in looked_up)
