"""A chat model of the transformers library that goes on learning, from the weights in its folder."""
# capitals in the names of tensors are their shapes: B windows of T tokens, V vocabulary

from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.nn import functional

from tandem_trainer.refusal import Refusal


class ChatModel(nn.Module):
    """From windows of conversations to the loss on their answers, by somebody else's model."""

    def __init__(self, folder: Path, vocabulary: int, *, recompute: bool = False) -> None:
        """Load the model in `folder`, in fp32, whatever its own `number_format` is; `vocabulary` is how many tokens it has to know.

        Raises:
            Refusal: when transformers is not installed, or the folder holds no model that can learn from windows.
        """
        super().__init__()
        self.model: Any
        self.model, self.number_format = _loaded(folder)
        known = self.model.get_input_embeddings().num_embeddings
        if known < vocabulary:
            _refuse(folder, f"knows {known} tokens, its tokenizer {vocabulary}", "take both from one place")
        if not _keeps_apart(self.model):
            _refuse(folder, "would read the conversations of a window as one", "name a model of another kind")
        if recompute:
            self.model.gradient_checkpointing_enable({"use_reentrant": False})
        self.train()

    def forward(self, tokens_BT: Tensor, places_BT: Tensor, weights_BT: Tensor) -> Tensor:
        """Sum of the losses, in nats, of predicting each token from those before it in its conversation, times its weight.

        `places_BT` are the tokens' places in their conversations. A token at place 0 is predicted by nothing: its weight is 0.
        """
        logits_BTV = self.model(input_ids=tokens_BT, position_ids=places_BT, use_cache=False).logits[:, :-1]
        weights_BT = weights_BT[:, 1:]
        asked_BT = weights_BT != 0  # prompts and padding are a large part, and their loss would be thrown away
        losses = functional.cross_entropy(logits_BTV[asked_BT].float(), tokens_BT[:, 1:][asked_BT], reduction="none")
        return (losses * weights_BT[asked_BT]).sum()


def _loaded(folder: Path) -> tuple[Any, torch.dtype]:
    """The model, and the number format that its configuration names."""
    try:
        from transformers import AutoConfig, AutoModelForCausalLM  # pyright: ignore[reportMissingImports]  # an optional extra
        from transformers.utils.logging import disable_progress_bar  # pyright: ignore[reportMissingImports]
    except ImportError:
        _refuse(folder, "needs the package transformers", "install tandem-trainer[huggingface]")
    disable_progress_bar()
    try:  # weights as numbers only, never as pickled programs
        written: Any = AutoConfig.from_pretrained(folder, local_files_only=True).dtype
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, use_safetensors=True, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        _refuse(folder, f"holds no causal language model that transformers can load ({str(error).splitlines()[0]})", "name another")
    return model, written or torch.float32


def _keeps_apart(model: Any) -> bool:  # noqa: ANN401
    """Whether a conversation does not change what is made of the one behind it, once places begin anew: the same twice tells."""
    model.eval()
    tokens, places = torch.tensor([[0, 1, 2, 0, 1, 2]]), torch.tensor([[0, 1, 2, 0, 1, 2]])
    with torch.no_grad():
        first, second = model(input_ids=tokens, position_ids=places, use_cache=False).logits[0].float().chunk(2)
    return torch.allclose(first, second, rtol=1e-3, atol=1e-3)  # sums in another order differ by far less, a glance back by more


def _refuse(folder: Path, what: str, fix: str) -> NoReturn:
    message = f"trainer.model.pretrained: {folder} {what}: {fix}"
    raise Refusal(message) from None
