"""What it costs to keep experts elsewhere: against the seed's load/offload loop, and against having them all at hand.

Ratios of processor time on one thread, taken by turns in one run. A step is a window of tokens that experts answer and learn from.

Against all at hand there is a line that nobody can pass. On a card copies run beside products, and it is the design's: min(1, n/n*), for n
tokens an expert and n* = matmul rate x bytes of a number / (6 x link rate). Processor time hides nothing: there the copies come on top, and
the line is resident / (resident + copies), with the copies of the formula's bytes at the rate of a plain copy, measured beside it.
n* is told on both; `floor` is what the issue asks of the ratio to the line.

    python -m tests.bench.experts.schedule [--rounds 3] [--gpu]      prints one JSON line a figure

With `--gpu` it is E9 and E10 of the design on one card (NVIDIA or ROCm): `card.py`.
"""

import json
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from tandem_trainer.experts.sizes import NUMBER_BYTES, Sizes, link_bytes

from tests.bench.experts.asking import Parser, at_least
from tests.bench.experts.card import measured_on_card
from tests.bench.experts.ways import Grouped, Resident, Seed, Way, Window, window

Figure = Mapping[str, Any]

WIDTH, INNER, ACTIVE = 256, 1024, 2
TOKENS = 4096
AGAINST_SEED = {8: 1.5, 128: 5.0}  # experts, and how many times as fast is asked for
SMALL, SMALL_TOKENS, ABREAST = Sizes(count=256, active=ACTIVE, width=32, inner=64), 1024, 32  # 8 tokens an expert
PER_EXPERT = (2, 8, 64, 256)  # tokens an expert, of 128 experts
BELOW_LINE, ABOVE_LINE = 0.85, 0.9
FLOPS_A_WEIGHT = 6  # forwards 2, backwards 4
_CPU = torch.device("cpu")


def main() -> None:
    """Measure and print JSON lines."""
    parser = Parser(description=__doc__)
    parser.add_argument("--rounds", type=at_least(1), default=3)
    parser.add_argument("--gpu", action="store_true", help="on a card instead of a processor")
    asked = parser.parse_args()
    if asked.gpu and not torch.cuda.is_available():
        parser.error("--gpu: torch finds no card on this machine: leave it out")
    figures = measured_on_card(asked.rounds) if asked.gpu else measured_on_processor(asked.rounds)
    for figure in figures:
        print(json.dumps(figure), flush=True)


def measured_on_processor(rounds: int) -> Iterator[Figure]:
    """All figures."""
    torch.set_num_threads(1)
    for experts, floor in AGAINST_SEED.items():
        yield from against_seed(sizes(experts), rounds, floor)
    yield small_against_seed(rounds)
    flops_s, bytes_s = product_rate(), copy_rate(sizes(1).row_bytes)
    crossing = flops_s * NUMBER_BYTES / (FLOPS_A_WEIGHT * bytes_s)
    yield {"metric": "experts_crossing", "value": round(crossing, 1), "unit": "tokens an expert", "flops": flops_s, "copy_bytes": bytes_s}
    for tokens in PER_EXPERT:
        yield against_resident(sizes(128), tokens, rounds, bytes_s, crossing)


def against_seed(of: Sizes, rounds: int, floor: float) -> Iterator[Figure]:
    """Our step, with activations kept (as the seed's loop keeps them) and computed again, and the seed's; and what ours moves."""
    asked, kept = window(of, TOKENS, _CPU), (TOKENS * of.active, 0)
    ours, seed = [Grouped(of, _CPU, kept=pairs) for pairs in kept], Seed(of, _CPU)
    *ours_s, seed_s = by_turns((*ours, seed), asked, rounds)
    for pairs, way_s in zip(kept, ours_s, strict=True):
        yield {
            "metric": "experts_step_against_seed",
            "experts": of.count,
            "activations": "kept" if pairs else "computed again",
            "value": round(statistics.median(way_s), 4),
            "unit": "s",
            "peer": round(statistics.median(seed_s), 4),
            "ratio": round(statistics.median(theirs / mine for mine, theirs in zip(way_s, seed_s, strict=True)), 2),
            "floor": floor,
        }
    yield bytes_moved(of, ours[0], asked)


def small_against_seed(rounds: int) -> Figure:
    """Small experts with few tokens, 32 side by side, and the seed's loop; beside it, how much faster than one in a slot they are."""
    asked = window(SMALL, SMALL_TOKENS, _CPU)
    together_s, alone_s, seed_s = by_turns((Grouped(SMALL, _CPU, group=ABREAST), Grouped(SMALL, _CPU), Seed(SMALL, _CPU)), asked, rounds)
    return {
        "metric": "experts_small_step_against_seed",
        "experts": SMALL.count,
        "value": round(statistics.median(together_s), 4),
        "unit": "s",
        "peer": round(statistics.median(seed_s), 4),
        "ratio": round(statistics.median(theirs / mine for mine, theirs in zip(together_s, seed_s, strict=True)), 2),
        "alone": round(statistics.median(theirs / mine for mine, theirs in zip(together_s, alone_s, strict=True)), 2),
    }


def bytes_moved(of: Sizes, ours: Grouped, asked: Window) -> Figure:
    """Counted over a step, and by formula: every expert that is touched comes once and returns once."""
    before = ours.mover.traffic.bytes_in + ours.mover.traffic.bytes_out
    ours.step(asked)
    moved = ours.mover.traffic.bytes_in + ours.mover.traffic.bytes_out - before
    touched = len(asked.chosen_NK.unique())
    formula = sum(link_bytes(of, learned=touched, touched=touched))
    return {
        "metric": "experts_link_bytes",
        "experts": of.count,
        "value": moved,
        "unit": "bytes",
        "formula": formula,
        "ratio": moved / formula,
    }


def against_resident(of: Sizes, tokens: int, rounds: int, bytes_s: float, crossing: float) -> Figure:
    """How much of the speed is left that experts would have which are all at hand, and how much could be."""
    asked = window(of, tokens * of.count // of.active, _CPU)
    ours_s, resident_s = by_turns((Grouped(of, _CPU), Resident(of, _CPU)), asked, rounds)
    left = statistics.median(theirs / mine for mine, theirs in zip(ours_s, resident_s, strict=True))
    touched = len(asked.chosen_NK.unique())
    at_hand_s, copies_s = statistics.median(resident_s), sum(link_bytes(of, learned=touched, touched=touched)) / bytes_s
    line = at_hand_s / (at_hand_s + copies_s)
    return {
        "metric": "experts_speed_against_all_at_hand",
        "tokens_per_expert": tokens,
        "value": round(left, 3),
        "unit": "of resident",
        "line": round(line, 3),
        "ratio": round(left / line, 3),
        "floor": ABOVE_LINE if tokens >= crossing else BELOW_LINE,
    }


def by_turns(ways: Sequence[Way], asked: Window, rounds: int) -> list[list[float]]:
    """Seconds of processor time of a step, way by way; each has made one before."""
    for way in ways:
        way.step(asked)
    return [list(each) for each in zip(*([_timed_s(way, asked) for way in ways] for _ in range(rounds)), strict=True)]


def product_rate() -> float:
    """Operations a second of a product as experts make it, on one thread."""
    left, right = torch.randn(TOKENS, WIDTH), torch.randn(WIDTH, INNER)
    began_s = time.process_time()
    torch.mm(left, right)
    return 2 * TOKENS * WIDTH * INNER / (time.process_time() - began_s)


def copy_rate(row_bytes: int) -> float:
    """Bytes a second of copying rows from here to there and back, of as many rows as no cache holds."""
    rows, slot = torch.zeros(128, row_bytes // NUMBER_BYTES), torch.zeros(row_bytes // NUMBER_BYTES)
    began_s = time.process_time()
    for row in rows:
        slot.copy_(row)
        row.copy_(slot)
    return 2 * len(rows) * row_bytes / (time.process_time() - began_s)


def sizes(count: int) -> Sizes:
    """So many experts of the usual size."""
    return Sizes(count=count, active=min(ACTIVE, count), width=WIDTH, inner=INNER)


def _timed_s(way: Way, asked: Window) -> float:
    began_s = time.process_time()
    way.step(asked)
    return time.process_time() - began_s


if __name__ == "__main__":
    main()
