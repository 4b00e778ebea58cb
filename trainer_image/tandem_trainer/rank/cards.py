"""What torch reads from the environment about cards, before it touches one."""

import os
from collections.abc import Mapping
from typing import Final

_USUAL: Final[Mapping[str, str]] = {
    "PYTORCH_ALLOC_CONF": "pinned_max_round_threshold_mb:64",  # larger pinned memory takes what it needs, not the next power of two
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # with which its products are the same bits each time
}

VISIBLE: Final = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")


def settings(environ: Mapping[str, str]) -> dict[str, str]:
    """As a person has set them, or as usual."""
    return {name: environ.get(name, usual) for name, usual in _USUAL.items()}


def share(environ: Mapping[str, str], first: int, count: int) -> dict[str, str]:
    """So many cards from the `first` on, of all that there are or of those that a person has named; fewer where those are not enough."""
    share = {}
    for name in VISIBLE:
        named = next((environ[each] for each in (name, *VISIBLE) if each in environ), None)
        there = [str(card) for card in range(first + count)] if named is None else named.split(",")
        share[name] = ",".join(there[first : first + count])
    return share


def settle() -> None:
    """Set them in this process: a program that no agent starts takes no more memory than a rank."""
    os.environ.update(settings(os.environ))
