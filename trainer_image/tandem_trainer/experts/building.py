"""What a run's words mean in experts: how many of which size, in how many places, and the mixture that is made of them."""

from typing import Any

import torch

from tandem_trainer.experts.held import Parts
from tandem_trainer.experts.layer import Layer
from tandem_trainer.experts.learning.router import Router
from tandem_trainer.experts.learning.rules import RULES
from tandem_trainer.experts.model import Mixture, Shared
from tandem_trainer.experts.moving.disk_rows import DiskRows
from tandem_trainer.experts.moving.link import link_to
from tandem_trainer.experts.moving.mover import Mover
from tandem_trainer.experts.moving.rows import Rows
from tandem_trainer.experts.moving.slots import HostRows
from tandem_trainer.experts.sizes import Room, Sizes
from tandem_trainer.job import Run
from tandem_trainer.models.transformer import Sizes as TrunkSizes
from tandem_trainer.models.transformer import Transformer


def sizes(run: Run) -> Sizes:
    """The experts, with the moments that their rule needs."""
    mixture = run.trainer.mixture
    return Sizes(
        count=mixture.count,
        active=mixture.active,
        width=run.trainer.model.width,
        inner=mixture.inner_width,
        moments=RULES[mixture.learning_rule].moments,
    )


def room(run: Run) -> Room:
    """Their places on the device."""
    memory, of = run.trainer.memory, sizes(run)
    pairs = max(phase.batch_size * phase.context_length for phase in run.phases) * run.trainer.mixture.active
    return Room(
        streaming=memory.streaming_slots,
        hot=memory.hot_slots,
        group=memory.experts_per_slot or of.together,
        kept=pairs if memory.keep_activations and not of.few else 0,  # small ones are worked on side by side and keep nothing
    )


def parts(mixture: Mixture, places: Room, tokens: int) -> Parts:
    """What a mixture that learns from windows of so many tokens is made of, for the formula of its memory."""
    of_router, whole = list(mixture.shared.router.parameters()), list(mixture.shared.parameters())
    keys = sum(weight.numel() for weight in of_router)
    return Parts(
        sizes=mixture.layer.sizes,
        room=places,
        trunk=sum(weight.numel() for weight in whole) - keys,
        router=keys,
        trunk_tensors=len(whole) - len(of_router),
        router_tensors=len(of_router),
        tokens=tokens,
        scores=keys // mixture.layer.sizes.width,
        waits=not mixture.through,
    )


def built(run: Run, of: Sizes, places: Room, vocabulary: int, device: torch.device) -> tuple[Mixture, Rows]:
    """The mixture with first weights for what is shared, and rows for all experts, which are still zero."""
    repeat_bits(device)
    told, rule = run.trainer, RULES[run.trainer.mixture.learning_rule]
    of_trunk = TrunkSizes(layers=told.model.layers, width=told.model.width, heads=told.model.heads, vocabulary=vocabulary)
    transformer = Transformer(of_trunk, recompute=told.activation_checkpointing)
    shared = Shared(transformer, Router(of.count, of.width)).to(device)
    link = link_to(device, places.slots)
    folder = told.memory.on_disk
    rows = DiskRows(of, places, link, folder) if folder else HostRows(of, link)
    layer = Layer(of, Mover(of, places, rows, link), rule, clip=told.mixture.clip)
    return Mixture(shared, layer, rule, temperature=told.mixture.temperature, balance=told.mixture.balance), rows


def repeat_bits(device: torch.device) -> None:
    """Have a card add up what meets in one place in the same order each time, as a processor does, so that a resumed run repeats itself.

    Not by warning only: attention would then keep the order of its own that is fastest. Nothing that experts or trunk do is among what
    torch has no such order for (https://docs.pytorch.org/docs/stable/generated/torch.use_deterministic_algorithms.html).
    """
    if device.type == "cuda":
        torch.use_deterministic_algorithms(mode=True)
        inside: Any = torch.utils.deterministic  # which tells no type of it
        inside.fill_uninitialized_memory = False  # nobody reads what was not written
