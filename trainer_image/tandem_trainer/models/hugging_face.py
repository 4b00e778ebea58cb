"""A causal language model of the transformers library, by the name or path of its configuration, with fresh weights."""
# capitals in the names of tensors are their shapes

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tandem_trainer.refusal import Refusal


class HuggingFaceModel(nn.Module):
    """From token sequences to their loss, by somebody else's model."""

    def __init__(self, name: str, vocabulary: int, *, recompute: bool = False) -> None:
        """Build the model called `name` for our `vocabulary`.

        Raises:
            Refusal: when transformers is not installed, or knows no such causal language model.
        """
        super().__init__()
        self.model: Any = _built(name, vocabulary)
        if recompute:
            self.model.gradient_checkpointing_enable({"use_reentrant": False})

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Mean loss, in nats a token, of predicting each token but the first from those before it."""
        logits_BTV = self.model(input_ids=tokens_BT[:, :-1], use_cache=False).logits
        return functional.cross_entropy(logits_BTV.flatten(0, 1).float(), tokens_BT[:, 1:].reshape(-1))


def _built(name: str, vocabulary: int) -> nn.Module:
    try:
        from transformers import AutoConfig, AutoModelForCausalLM  # pyright: ignore[reportMissingImports]  # an optional extra
    except ImportError:
        message = f"trainer.model.huggingFace: {name} needs the package transformers: install tandem-trainer[huggingface]"
        raise Refusal(message) from None
    try:
        config = AutoConfig.from_pretrained(name)
        config.vocab_size = vocabulary
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        message = f"trainer.model.huggingFace: {name} is no causal language model that transformers knows ({reason}): name another"
        raise Refusal(message) from None
