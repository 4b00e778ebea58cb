"""Text from a run of experts: `python -m tandem_trainer.experts.generation`, which `tandem generate` starts.

The run is told as its workers are, in TANDEM_JOB; the beginning of the text comes in on standard input, since both are nobody else's
business and command lines can be seen by all. Text goes to standard output as it is written, and what it took to standard error.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from itertools import islice

import torch
from tandem_objects import ObjectError, open_store

from tandem_trainer.checkpoint.errors import CheckpointError
from tandem_trainer.exit_codes import DONE
from tandem_trainer.experts.generation.reading import Trained, read
from tandem_trainer.experts.generation.sampling import Sampling
from tandem_trainer.experts.generation.writing import spoken, write
from tandem_trainer.job import Run
from tandem_trainer.rank import cards
from tandem_trainer.rank.world import World
from tandem_trainer.refusal import Refusal
from tandem_trainer.verdict import verdict

_LEFT = 130  # as shells report Ctrl-C


def main(arguments: Sequence[str] | None = None) -> int:
    """The text on standard output; a line for a mistake, or what it took, on standard error."""
    parser = argparse.ArgumentParser(prog="python -m tandem_trainer.experts.generation", description="Write text with a run of experts.")
    parser.add_argument("--tokens", type=int, default=200, help="write so many tokens at most")
    parser.add_argument("--temperature", type=float, default=0.0, help="0 takes the likeliest token each time")
    parser.add_argument("--top", type=int, default=0, help="draw from so many of the likeliest tokens; 0 for all")
    parser.add_argument("--seed", type=int, default=0, help="of the draws")
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever reads may have read enough
    cards.settle()
    try:
        run = Run.model_validate_json(os.environ["TANDEM_JOB"])
        device = World().device if run.gpus_per_worker else torch.device("cpu")
        trained = read(run, open_store(run.checkpoint.uri, os.environ), device)
        for each in trained.passed_over:
            _say(f"tandem: {each}")
        how = Sampling(temperature=asked.temperature, top=asked.top, seed=asked.seed)
        _say(_told(trained, *_written(trained, sys.stdin.buffer.read(), asked.tokens, how)))
    except KeyboardInterrupt:
        return _LEFT
    except (Refusal, ObjectError, CheckpointError) as error:
        code, line = verdict(error)
        _say(f"tandem: {line}")
        return code
    return DONE


def _written(trained: Trained, prompt: bytes, count: int, how: Sampling) -> tuple[int, float]:
    """Write it; tokens and seconds that it took."""
    began_at, beginning, written = time.monotonic(), trained.tokenizer.encode(prompt).tolist(), []
    tokens = write(trained.mixture, beginning, trained.tokenizer.special, context=trained.context, how=how)
    for text in spoken((written.append(token) or token for token in islice(tokens, count)), trained.tokenizer):
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
    return len(written), time.monotonic() - began_at


def _told(trained: Trained, count: int, took_s: float) -> str:
    manifest, layer = trained.manifest, trained.mixture.layer
    loss = "" if manifest.loss is None else f", loss {manifest.loss:.4f}"
    rows = layer.mover.traffic.bytes_in // layer.sizes.row_bytes
    return (
        f"\nstep {manifest.step} of {manifest.run}{loss}: {count} tokens in {took_s:.1f} s; {rows:,} times an expert came to the device, "
        f"which held {trained.device_bytes / 1e6:.1f} MB; all {layer.sizes.count:,} experts have {4 * layer.sizes.parameters / 1e6:.1f} MB"
    )


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    raise SystemExit(main())
