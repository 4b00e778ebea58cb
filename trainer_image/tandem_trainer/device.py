"""What the device of this machine has and can do, measured: the yardstick of every utilization that is reported.

Datasheets promise more than any program reaches, and on a shared processor more than is left for us; so a ratio is taken
against the fastest matrix product that this very device just made (as in "maximum achievable matmul FLOPS", Bekman 2024).
"""

import time

import torch

from tandem_trainer import host_memory
from tandem_trainer.host_memory import Limit

_SIZES = {"cpu": (128, 256, 512, 1024), "cuda": (1024, 2048, 4096, 8192)}  # in the last, the start of a kernel does not count
_ROUNDS = 5
_ENOUGH_S = 0.1  # a processor that has no bfloat16 makes a product of 1,024 in seconds, and no faster than a smaller one
_GROWTH = 8  # of a product's time, where each side is twice as long


def memory_of(device: torch.device) -> Limit:
    """What a card has; what is on a processor is in the memory of the machine."""
    if device.type != "cuda":
        return host_memory.limit(None)
    _, whole = torch.cuda.mem_get_info(device)  # what is free of it now, somebody may have taken only for a moment
    return Limit(bytes=whole, said_by="the card has")


def matmul_flops_per_second(device: torch.device, dtype: torch.dtype) -> float:
    """The fastest of a few square matrix products on `device`, in operations a second; takes some 100 ms, however slow that is."""
    reached = 0.0
    for size in _SIZES[device.type]:
        took_s = _fastest_s(device, dtype, size)
        reached = max(reached, 2 * size**3 / took_s)
        if _ROUNDS * _GROWTH * took_s > _ENOUGH_S:
            break
    return reached


def _fastest_s(device: torch.device, dtype: torch.dtype, size: int) -> float:
    generator = torch.Generator(device).manual_seed(0)  # random numbers: a product of zeros draws less power and runs faster
    a, b = (torch.randn(size, size, device=device, generator=generator).to(dtype) for _ in range(2))
    return min(_timed_s(a, b) for _ in range(_ROUNDS))


def _timed_s(a: torch.Tensor, b: torch.Tensor) -> float:
    began_at = time.perf_counter()
    torch.mm(a, b)
    if a.device.type == "cuda":
        torch.cuda.synchronize(a.device)
    return time.perf_counter() - began_at
