"""Experts on a card: is its memory flat, whatever their number, and how fast are they beside experts that are all at hand?

Time is that between events on the card. The line is the design's: min(1, n / n*) of resident speed, for n tokens an expert; from
n* = matmul rate x bytes of a number / (6 x link rate) on, products take longer than copies and hide them.
"""

import statistics
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from tandem_trainer.device import matmul_flops_per_second
from tandem_trainer.experts.building import repeat_bits
from tandem_trainer.experts.moving.link import Copies, Link, link_to
from tandem_trainer.experts.proof.apart import measured_apart
from tandem_trainer.experts.proof.judging import judge
from tandem_trainer.experts.proof.wanted import Wanted
from tandem_trainer.experts.sizes import NUMBER_BYTES, Room, Sizes

from tests.bench.experts.ways import Grouped, Resident, Way, Window, window

Figure = Mapping[str, Any]

FLAT = (8, 32, 128, 512, 1024)  # experts
PROVED = Wanted(active=2, width=1024, inner=1024, windows=100, warm_up=10)
TIMED = Sizes(count=16, active=2, width=1024, inner=4096)
PER_EXPERT = (64, 256, 1024, 4096)  # tokens an expert
FLOPS_A_WEIGHT = 6  # forwards 2, backwards 4
BELOW_LINE, ABOVE_LINE = 0.85, 0.9
_STEPS = 5
_COPIED_BYTES = 1 << 28


def measured_on_card(rounds: int) -> Iterator[Figure]:
    """All figures."""
    yield flatness()
    device = torch.device("cuda")
    repeat_bits(device)  # as the trainer does
    flops_s, bytes_s = matmul_flops_per_second(device, torch.float32), link_rate(device)
    crossing = flops_s * NUMBER_BYTES / (FLOPS_A_WEIGHT * bytes_s)
    yield {"metric": "experts_crossing", "value": round(crossing), "unit": "tokens an expert", "flops": flops_s, "link_bytes": bytes_s}
    for tokens in PER_EXPERT:
        yield against_resident(device, tokens, rounds, crossing)


def flatness() -> Figure:
    """Memory by torch's own allocator, a process for each number of experts; `tandem prove vram` tells more of it."""
    rows = [measured_apart(PROVED, count, lambda _: None)[1] for count in FLAT]
    verdict = judge(rows)
    return {
        "metric": "experts_memory_an_expert",
        "value": verdict.held.measured.value,
        "unit": "bytes",
        "router": verdict.held.router,
        "variation": max(row.held.variation for row in rows),
        "allocations_after_warm_up": sum(row.allocations for row in rows),
        "faults": verdict.faults,
    }


def against_resident(device: torch.device, tokens: int, rounds: int, crossing: float) -> Figure:
    """Tokens a second, of experts that pass through slots, with copies beside products and one after the other, and of resident ones."""
    asked = window(TIMED, tokens * TIMED.count // TIMED.active, device)
    ways = (Grouped(TIMED, device), Grouped(TIMED, device, link=_OneAfterTheOther(device)), Resident(TIMED, device))
    took_s = [[_timed_s(way, asked) for way in ways] for _ in range(rounds)]
    ours, one_by_one, resident = (len(asked.x_ND) / statistics.median(each) for each in zip(*took_s, strict=True))
    line = min(1.0, tokens / crossing)
    return {
        "metric": "experts_speed_against_all_at_hand",
        "tokens_per_expert": tokens,
        "value": round(ours),
        "unit": "tokens/s",
        "peer": round(resident),
        "without_overlap": round(one_by_one),
        "line": round(line, 3),
        "ratio": round(ours / resident / line, 3),
        "floor": ABOVE_LINE if tokens >= crossing else BELOW_LINE,
    }


def link_rate(device: torch.device) -> float:
    """Bytes a second each way, of pinned memory, both ways at once."""
    ways = [(torch.zeros(_COPIED_BYTES, dtype=torch.uint8, pin_memory=True), torch.zeros(_COPIED_BYTES, dtype=torch.uint8, device=device))]
    ways.append((torch.zeros_like(ways[0][1]), torch.zeros(_COPIED_BYTES, dtype=torch.uint8, pin_memory=True)))
    streams = [torch.cuda.Stream(device) for _ in ways]

    def copy() -> None:
        for stream, (source, to) in zip(streams, ways, strict=True):
            stream.wait_stream(torch.cuda.current_stream(device))
            with torch.cuda.stream(stream):
                to.copy_(source, non_blocking=True)
        for stream in streams:
            torch.cuda.current_stream(device).wait_stream(stream)

    copy()
    return _COPIED_BYTES / _between_events_s(copy)


def _timed_s(way: Way, asked: Window) -> float:
    way.step(asked)
    return _between_events_s(lambda: [way.step(asked) for _ in range(_STEPS)]) / _STEPS


def _between_events_s(what: Callable[[], object]) -> float:
    began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    began.record()
    what()
    ended.record()
    ended.synchronize()
    return began.elapsed_time(ended) / 1e3


class _OneAfterTheOther:
    """The link of a card, on which everything waits for what was begun before."""

    def __init__(self, device: torch.device) -> None:
        self._link: Link = link_to(device, Room().slots)
        self.traffic = self._link.traffic
        self.device, self.begin, self.computing, self.finish = device, self._link.begin, self._link.computing, self._link.finish
        self.await_brought, self.await_taken_back = self._link.await_brought, self._link.await_taken_back

    def bring(self, slot: int, copies: Copies) -> None:
        torch.cuda.synchronize(self.device)
        self._link.bring(slot, copies)
        torch.cuda.synchronize(self.device)

    def take_back(self, slot: int, copies: Copies) -> None:
        torch.cuda.synchronize(self.device)
        self._link.take_back(slot, copies)
        torch.cuda.synchronize(self.device)
