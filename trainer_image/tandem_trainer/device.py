"""What this machine can do, measured: the yardstick of every utilization that is reported.

Datasheets promise more than any program reaches, and on a shared processor more than is left for us; so a ratio is taken
against the fastest matrix product that this very device just made (as in "maximum achievable matmul FLOPS", Bekman 2024).
"""

import time

import torch

_SIZES = {"cpu": 1024, "cuda": 8192}  # large enough that the start of a kernel does not count
_ROUNDS = 5


def matmul_flops_per_second(device: torch.device, dtype: torch.dtype) -> float:
    """The fastest of a few square matrix products on `device`, in operations a second; takes some 100 ms on a CPU."""
    size = _SIZES[device.type]
    generator = torch.Generator(device).manual_seed(0)  # random numbers: a product of zeros draws less power and runs faster
    a, b = (torch.randn(size, size, device=device, generator=generator).to(dtype) for _ in range(2))
    fastest_s = min(_timed_s(a, b) for _ in range(_ROUNDS))
    return 2 * size**3 / fastest_s


def _timed_s(a: torch.Tensor, b: torch.Tensor) -> float:
    began_at = time.perf_counter()
    torch.mm(a, b)
    if a.device.type == "cuda":
        torch.cuda.synchronize(a.device)
    return time.perf_counter() - began_at
