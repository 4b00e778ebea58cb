"""Measures one number of experts: warms up, then lets the mixture learn window after window, and looks at the meter after each."""

import os
from collections.abc import Callable

import torch

from tandem_trainer.experts.proof.judging import Row
from tandem_trainer.experts.proof.meter import Meter, Sample, meter_of
from tandem_trainer.experts.proof.wanted import Wanted
from tandem_trainer.experts.proof.workload import Workload

Told = Callable[[int], None]
"""Is told how many windows are done."""


def measure(wanted: Wanted, count: int, told: Told) -> tuple[str, Row]:
    """The device, and what was measured on it; in a process of its own, or an allocator would remember the count before."""
    card = torch.cuda.is_available()
    device = torch.device("cuda", 0) if card else torch.device("cpu")
    if not card:
        torch.set_num_threads(1)  # products are small
    meter = meter_of(device)
    with meter.watching():
        row = measured(Workload(wanted, count, device, meter), meter, wanted, told)
    return torch.cuda.get_device_name(device) if card else f"processor ({os.uname().machine})", row


def measured(workload: Workload, meter: Meter, wanted: Wanted, told: Told) -> Row:
    """What the meter, which watches, says of this workload."""
    workload.rehearse()
    for _ in range(wanted.warm_up):
        workload.window()
    before, samples = meter.sample(), list[Sample]()
    for done in range(wanted.windows):
        workload.window()
        samples.append(meter.sample())
        told(done + 1)
    parts = workload.parts
    return Row(
        experts=workload.sizes.count,
        held_bytes=tuple(sample.held_bytes for sample in samples),
        peak_bytes=tuple(sample.peak_bytes for sample in samples),
        predicted_bytes=parts.held_bytes,
        router_bytes=parts.router_held_bytes,
        router_peak_bytes=parts.router_peak_bytes,
        resident_bytes=parts.resident_bytes,
        allocations=samples[-1].allocations - before.allocations,
        reserved_bytes=samples[-1].reserved_bytes,
        process_bytes=samples[-1].process_bytes,
        rounding_bytes=meter.rounding_bytes,
    )
