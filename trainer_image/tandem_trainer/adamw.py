"""AdamW over fp32 weights, or the flat partitions that ZeRO makes of them: one fused kernel each, on cards and CPUs alike.

It calls the kernel that `torch.optim.AdamW(fused=True)` calls. Torch's class itself would load the torch compiler at the
first step (see `deepspeed/library.py`); and here moments exist from the start, so that a checkpoint can be taken, or taken back,
before any step. Source of the rule: Loshchilov and Hutter 2019, "Decoupled weight decay regularization".
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from tandem_trainer.job import Optimizer as Settings

MOMENTS = ("exp_avg", "exp_avg_sq")


class AdamW:
    """What DeepSpeed takes for a torch optimizer: param_groups, state, step."""

    def __init__(self, weights: Iterable[nn.Parameter], settings: Settings) -> None:
        """Decay applies to matrices only: norms and biases are no capacity worth shrinking (as in GPT-3 and since)."""
        weights = list(weights)
        self._settings = settings
        self.defaults = {"lr": 0.0, "betas": (settings.beta1, settings.beta2)}
        matrices = [weight for weight in weights if weight.ndim > 1]
        others = [weight for weight in weights if weight.ndim <= 1]
        decays = ((matrices, settings.weight_decay), (others, 0.0))
        self.param_groups: list[dict[str, Any]] = [
            {"params": group, "weight_decay": decay, **self.defaults} for group, decay in decays if group
        ]
        self.state: dict[Tensor, dict[str, Tensor]] = {}

    def prepare(self, partitions: Iterable[Tensor]) -> None:
        """Make the moments of the weights, or of the partitions into which ZeRO flattened them."""
        for flat in partitions:
            moments = {name: torch.zeros_like(flat, requires_grad=False) for name in MOMENTS}
            self.state[flat] = {"step": torch.zeros((), dtype=torch.float32, device=flat.device), **moments}

    def set_learning_rate(self, rate: float) -> None:
        """The rate of the steps that follow."""
        for group in self.param_groups:
            group["lr"] = rate

    @torch.no_grad()
    def step(self) -> None:
        """Update every partition that has a gradient."""
        for group in self.param_groups:
            for flat in group["params"]:
                if flat.grad is not None:
                    self._update(flat, flat.grad, group["lr"], group["weight_decay"])

    def _update(self, flat: Tensor, gradient: Tensor, rate: float, decay: float) -> None:
        state = self.state[flat]
        state["step"] += 1
        torch._fused_adamw_(  # pyright: ignore[reportPrivateImportUsage]  # the kernel behind torch.optim.AdamW(fused=True)
            [flat],
            [gradient],
            [state["exp_avg"]],
            [state["exp_avg_sq"]],
            [],
            [state["step"]],
            lr=rate,
            beta1=self._settings.beta1,
            beta2=self._settings.beta2,
            weight_decay=decay,
            eps=self._settings.epsilon,
            amsgrad=False,
            maximize=False,
        )
