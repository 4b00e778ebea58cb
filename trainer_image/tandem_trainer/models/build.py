"""The model that a run names, with weights that depend on the seed alone, or on what it has learned before."""

from dataclasses import dataclass

import torch
from torch import nn

from tandem_trainer.job import Trainer
from tandem_trainer.models.chat import ChatModel
from tandem_trainer.models.flops import flops_per_token, multiplied_weights
from tandem_trainer.models.hugging_face import HuggingFaceModel
from tandem_trainer.models.transformer import Sizes, Transformer


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A model and what is worth knowing of it before it is taken apart by ZeRO.

    Attributes:
        module: Takes a micro-batch and gives its loss: of text the mean of tokens (B, T + 1), of conversations see `ChatModel`.
        parameters: Number of its weights, tied ones counted once.
        multiplied_weights: Number of those that every token is multiplied with.
    """

    module: nn.Module
    parameters: int
    layers: int
    width: int
    multiplied_weights: int

    def flops_per_token(self, context: int) -> float:
        """Operations of a forward and backward pass for one token at this context length."""
        return flops_per_token(self.multiplied_weights, layers=self.layers, width=self.width, context=context)


def build(trainer: Trainer, vocabulary: int, seed: int) -> Built:
    """The model of `trainer`, in fp32, on the CPU; one that goes on learning has its own vocabulary, which must be large enough.

    Raises:
        Refusal: when it names a Hugging Face model that cannot be had.
    """
    torch.manual_seed(seed)
    chosen, recompute = trainer.model, trainer.activation_checkpointing
    if chosen.pretrained is not None:
        return _of_transformers(ChatModel(chosen.pretrained, vocabulary, recompute=recompute))
    if chosen.hugging_face is None:
        sizes = Sizes(layers=chosen.layers, width=chosen.width, heads=chosen.heads, vocabulary=vocabulary)
        return _built(Transformer(sizes, recompute=recompute), sizes.layers, sizes.width)
    return _of_transformers(HuggingFaceModel(chosen.hugging_face, vocabulary, recompute=recompute))


def _of_transformers(module: HuggingFaceModel | ChatModel) -> Built:
    config = module.model.config
    return _built(module, config.num_hidden_layers, config.hidden_size)


def _built(module: nn.Module, layers: int, width: int) -> Built:
    return Built(
        module=module,
        parameters=sum(weight.numel() for weight in module.parameters()),
        layers=layers,
        width=width,
        multiplied_weights=multiplied_weights(module),
    )
