"""Tensors as they are kept: seen as bytes, and by the names that readers and writers of checkpoints share."""

from typing import Any

import torch

MASTER = "master"
"""A checkpoint keeps the fp32 numbers of the weight `name` as the tensor `name/master`."""


def bytes_of(tensor: torch.Tensor) -> memoryview:
    """The bytes of a contiguous CPU tensor, without a copy: writing to the view writes to the tensor."""
    assert tensor.is_contiguous() and tensor.device.type == "cpu", "only contiguous tensors in host memory have bytes to look at"  # noqa: PT018
    array: Any = tensor.detach().view(-1).view(torch.uint8).numpy()
    return memoryview(array)


def dtype_name(dtype: torch.dtype) -> str:
    """`torch.bfloat16` as `bfloat16`."""
    return str(dtype).removeprefix("torch.")


def dtype_of(name: str) -> torch.dtype:
    """The format of that name."""
    dtype = getattr(torch, name)
    assert isinstance(dtype, torch.dtype), f"{name} is no number format"
    return dtype
