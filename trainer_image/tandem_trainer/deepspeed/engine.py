"""A DeepSpeed engine around a model: the one place that knows how it is configured."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from tandem_trainer.adamw import AdamW
from tandem_trainer.deepspeed import library
from tandem_trainer.job import Trainer

deepspeed = library.load()

_SHARDED_WEIGHTS = 3  # the ZeRO stage from which weights are split, too
_LARGEST_BUCKET = 500_000_000  # numbers; DeepSpeed's default


def start(model: nn.Module, trainer: Trainer, batch_size: int, device: torch.device) -> tuple[Any, AdamW]:
    """An engine that trains `model` with AdamW, and that AdamW; torch.distributed is initialised already."""
    adamw = AdamW(model.parameters(), trainer.optimizer)
    with library.quiet(deepspeed), library.uncompiled():
        engine, *_ = deepspeed.initialize(
            model=model,
            optimizer=lambda _: adamw,  # a callable, because DeepSpeed takes only torch's own classes as objects
            config=settings(trainer, batch_size, sum(weight.numel() for weight in model.parameters()), device),
            dist_init_required=False,
        )
    adamw.prepare(partitions(engine))
    return engine, adamw


def settings(trainer: Trainer, batch_size: int, parameters: int, device: torch.device) -> dict[str, Any]:
    """DeepSpeed's configuration. It derives the number of accumulated micro-batches from batch size and ranks."""
    return {
        "train_batch_size": batch_size,
        "train_micro_batch_size_per_gpu": trainer.micro_batch_size,
        "bf16": {"enabled": trainer.precision == "bf16"},
        # Micro-batches and ranks are added up in fp32 (torchtitan's rule, too): a bf16 sum stops growing after some dozens of
        # them, and depends on how they were split, so that a run would take another course on another number of ranks.
        "data_types": {"grad_accum_dtype": "fp32"},
        "communication_data_type": "fp32",
        "gradient_clipping": trainer.gradient_clip,
        "zero_allow_untested_optimizer": True,
        "zero_optimization": {
            "stage": trainer.zero_stage,
            # Never more than there is to reduce: the buffers are allocated at that size.
            "reduce_bucket_size": min(_LARGEST_BUCKET, parameters),
            "overlap_comm": device.type == "cuda" and trainer.zero_stage > 1,
        },
    }


def shards_weights(engine: Any) -> bool:  # noqa: ANN401  # DeepSpeed has no types
    """Whether weights themselves are split over the ranks (ZeRO-3)."""
    return engine.zero_optimization_stage() == _SHARDED_WEIGHTS


def partitions(engine: Any) -> Iterable[Tensor]:  # noqa: ANN401
    """This rank's flat fp32 partitions of the weights, one or more a parameter group."""
    if shards_weights(engine):
        return engine.optimizer.fp32_partitioned_groups_flat
    return [flat for group in engine.basic_optimizer.param_groups for flat in group["params"]]


def refresh_weights(engine: Any) -> None:  # noqa: ANN401
    """Derive the weights that the model computes with from the fp32 masters, as after a step. All ranks at once."""
    optimizer = engine.optimizer
    if not shards_weights(engine):
        optimizer.update_lp_params()
        return
    optimizer.checkpoint_event_prologue()
    for number in range(len(optimizer.fp32_partitioned_groups_flat)):
        optimizer._reassign_or_swap_out_partitioned_parameters(number)  # noqa: SLF001  # what its own step() calls here
    optimizer.checkpoint_event_epilogue()
