"""Cross-entropy against a large vocabulary, without ever holding all logits.

The logits of a few rows are made, turned into loss and gradients at once, and dropped: memory for them no longer grows with
the batch, and since the backward pass makes nothing anew it is as fast as the plain loss, and faster for large vocabularies.
The idea is that of Liger Kernel (Hsu et al. 2024) and Cut Cross-Entropy (Wijmans et al. 2024), in plain torch. Torch's own
`linear_cross_entropy` is no faster, and in bf16 its loss is off in the second decimal place.

Shapes: N rows (tokens), D width, V vocabulary.
"""
# capitals in the names of tensors are their shapes

from typing import Any

import torch
from torch import Tensor

_LOGITS_AT_ONCE = 1 << 24  # 64 MiB in fp32: small beside activations, large enough for full speed


def linear_cross_entropy(hidden_ND: Tensor, weight_VD: Tensor, targets_N: Tensor, logits_at_once: int = _LOGITS_AT_ONCE) -> Tensor:
    """Mean of the negative log-likelihoods of `targets_N` under the logits `hidden_ND @ weight_VD.T`; an fp32 scalar."""
    rows = max(1, logits_at_once // len(weight_VD))
    return _LinearCrossEntropy.apply(hidden_ND, weight_VD, targets_N, rows)  # pyright: ignore[reportReturnType]


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden_ND: Tensor, weight_VD: Tensor, targets_N: Tensor, rows: int) -> Tensor:  # noqa: ANN401
        wanted = any(ctx.needs_input_grad)
        loss = hidden_ND.new_zeros((), dtype=torch.float32)
        d_hidden_ND = torch.empty_like(hidden_ND) if wanted else None
        d_weight_VD = torch.zeros_like(weight_VD, dtype=torch.float32) if wanted else None
        for start in range(0, len(hidden_ND), rows):
            part = slice(start, start + rows)
            logits = (hidden_ND[part] @ weight_VD.T).float()
            targets = targets_N[part, None]
            log_sum = torch.logsumexp(logits, dim=1, keepdim=True)
            loss += (log_sum - logits.gather(1, targets)).sum()
            if d_hidden_ND is not None and d_weight_VD is not None:
                d_logits = _gradient(logits, log_sum, targets, len(hidden_ND)).to(hidden_ND.dtype)
                torch.mm(d_logits, weight_VD, out=d_hidden_ND[part])
                d_weight_VD += d_logits.T @ hidden_ND[part]
        if d_hidden_ND is not None and d_weight_VD is not None:
            ctx.save_for_backward(d_hidden_ND, d_weight_VD.to(weight_VD.dtype))
        return loss / len(hidden_ND)

    @staticmethod
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor, Tensor, None, None]:  # noqa: ANN401  # pyright: ignore[reportIncompatibleMethodOverride]
        d_hidden_ND, d_weight_VD = ctx.saved_tensors
        return d_hidden_ND * d_loss, d_weight_VD * d_loss, None, None


def _gradient(logits: Tensor, log_sum: Tensor, targets: Tensor, total: int) -> Tensor:
    """Softmax minus one at the target, over the number of rows; takes over the memory of `logits`."""
    likelihoods = logits.sub_(log_sum).exp_()
    likelihoods.scatter_add_(1, targets, likelihoods.new_full((1, 1), -1.0).expand_as(targets))
    return likelihoods.div_(total)
