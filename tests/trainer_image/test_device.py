"""The yardstick of utilization: what a device reaches is found in a moment, however slow it is at what is asked."""

import pytest
import torch
from tandem_trainer import device

_CPU = torch.device("cpu")


@pytest.mark.parametrize(("flops_per_second", "largest"), [(1e9, 128), (1e11, 512), (1e14, 1024)])
def test_products_grow_while_they_take_no_time(monkeypatch: pytest.MonkeyPatch, flops_per_second: float, largest: int) -> None:
    """A processor that makes bfloat16 by hand is not asked for the product that one with instructions for it makes in a blink."""
    sizes = set[int]()

    def timed_s(a: torch.Tensor, _: torch.Tensor) -> float:
        sizes.add(len(a))
        return 2 * len(a) ** 3 / flops_per_second

    monkeypatch.setattr(device, "_timed_s", timed_s)
    assert device.matmul_flops_per_second(_CPU, torch.bfloat16) == pytest.approx(flops_per_second)
    assert max(sizes) == largest


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_is_measured(dtype: torch.dtype) -> None:
    """A product of this very processor: at least so fast as one operation a clock of a slow one, at most as all vector units there are."""
    assert 1e7 < device.matmul_flops_per_second(_CPU, dtype) < 1e14
