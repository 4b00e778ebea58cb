"""What torch reads from the environment about cards, before it touches one."""

import os
from collections.abc import Mapping
from typing import Final

_USUAL: Final[Mapping[str, str]] = {
    "PYTORCH_ALLOC_CONF": "pinned_max_round_threshold_mb:64",  # larger pinned memory takes what it needs, not the next power of two
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # with which its products are the same bits each time
}


def settings() -> dict[str, str]:
    """As a person has set them, or as usual."""
    return {name: os.environ.get(name, usual) for name, usual in _USUAL.items()}


def settle() -> None:
    """Set them in this process: a program that no agent starts takes no more memory than a rank."""
    os.environ.update(settings())
