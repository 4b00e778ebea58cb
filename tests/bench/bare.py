"""The peer: the same model and the same tokens under DeepSpeed alone, as its own tutorial would train them.

    torchrun --nproc-per-node 2 tests/bench/bare.py JOB.json SHARDS OUT [--save-every N]

Writes JSON lines to OUT: when each step ended and, with --save-every, how long `save_checkpoint` held training up.
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import torch

os.environ.setdefault("DS_ACCELERATOR", "cuda" if torch.cuda.is_available() else "cpu")
import deepspeed
from tandem_trainer.data.shards import Index
from tandem_trainer.job import Run
from tandem_trainer.models.build import build

CARD = torch.cuda.is_available()


def main() -> None:
    """Train, and write down when."""
    parser = argparse.ArgumentParser()
    parser.add_argument("job", type=Path)
    parser.add_argument("shards", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--save-every", type=int, default=0)
    asked = parser.parse_args()
    run = Run.model_validate_json(asked.job.read_text())
    deepspeed.ops.__compatible_ops__ = {}  # no compiler here either
    deepspeed.init_distributed(dist_backend="nccl" if CARD else "gloo")
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if CARD else torch.device("cpu")
    rank, size = torch.distributed.get_rank(), torch.distributed.get_world_size()
    tokens = np.memmap(next(asked.shards.glob("*.tokens")), dtype=np.uint16, mode="r")
    phase = run.phases[0]
    model = build(run.trainer, Index.read(asked.shards).vocabulary, seed=0).module.to(device)
    engine, *_ = deepspeed.initialize(
        model=model,
        optimizer=torch.optim.AdamW(model.parameters(), lr=phase.learning_rate, betas=(0.9, 0.95), weight_decay=0.1),
        config=_config(run),
        dist_init_required=False,
    )
    engine.train()
    window, share = phase.context_length + 1, phase.batch_size // size
    with asked.out.open("w", buffering=1) if rank == 0 else open(os.devnull, "w") as out:  # noqa: PTH123  # the null device
        for step in range(phase.steps):
            total = 0.0
            for first in range(0, share, run.trainer.micro_batch_size):
                starts = [(step * phase.batch_size + rank * share + first + n) * window for n in range(run.trainer.micro_batch_size)]
                batch = torch.from_numpy(np.stack([tokens[at : at + window] for at in starts]).astype(np.int64))
                loss = engine(batch.to(device))
                engine.backward(loss)
                engine.step()
                total += loss.item()
            print(json.dumps({"step": step + 1, "loss": total, "at": time.time()}), file=out)
            if asked.save_every and (step + 1) % asked.save_every == 0:
                began = time.perf_counter()
                engine.save_checkpoint(str(asked.out.with_suffix(".saved")), tag=f"step-{step + 1}")
                print(json.dumps({"blocked": time.perf_counter() - began}), file=out)


def _config(run: Run) -> dict[str, object]:
    return {
        "train_batch_size": run.phases[0].batch_size,
        "train_micro_batch_size_per_gpu": run.trainer.micro_batch_size,
        "bf16": {"enabled": run.trainer.precision == "bf16"},
        "data_types": {"grad_accum_dtype": "fp32"},
        "gradient_clipping": run.trainer.gradient_clip,
        "zero_allow_untested_optimizer": True,
        "zero_optimization": {"stage": run.trainer.zero_stage, "reduce_bucket_size": 5_000_000},
    }


if __name__ == "__main__":
    main()
