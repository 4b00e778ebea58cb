"""How much memory is in use on the device: torch's own allocator on a card; on a processor every tensor that would lie on one.

The twin counts tensors as torch makes and drops them, and stands for an allocator that never gives back: it asks for more whenever
more is in use than ever before. What a kernel takes for itself while it runs it does not see; a card's allocator does.
"""

import os
import weakref
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

CARD_ROUNDING_BYTES: Final = 512  # blocks of torch's allocator are multiples of that (kMinBlockSize)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Where the device stands after a window.

    Attributes:
        held_bytes: In use now.
        peak_bytes: The most in use since the sample before.
        allocations: How often the allocator has asked the device for more, ever.
        reserved_bytes: What it has got that way.
        process_bytes: What the system says: of a card, all that is in use; else the memory of this process.
    """

    held_bytes: int
    peak_bytes: int
    allocations: int
    reserved_bytes: int
    process_bytes: int


class Meter(Protocol):
    """What counts memory."""

    rounding_bytes: int

    def watching(self) -> AbstractContextManager[object]:
        """Counts while this is entered."""
        ...

    def leave_out(self, on_host: Tensor) -> None:
        """This one lies on the host, where there is a card."""
        ...

    def sample(self) -> Sample:
        """Where the device stands."""
        ...


def meter_of(device: torch.device) -> Meter:
    """The meter for it."""
    return _CardMeter(device) if device.type == "cuda" else TensorMeter()


class TensorMeter(TorchDispatchMode):
    """Every tensor with memory of its own that is made while this watches, until nobody holds it any more."""

    rounding_bytes = 0

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[int, weakref.ref[Any]] = {}
        self._held = self._peak = self._reserved = self._allocations = self._left_out = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401
        """Do what is asked, and look at what came of it."""
        del types
        made = func(*args, **(kwargs or {}))
        for each in made if isinstance(made, tuple | list) else (made,):
            if isinstance(each, Tensor):
                self._meet(each.untyped_storage())
        return made

    def watching(self) -> AbstractContextManager[object]:
        """Itself, as torch's modes are."""
        return self

    def leave_out(self, on_host: Tensor) -> None:
        """It was counted when it was made; begin anew without it."""
        size = on_host.untyped_storage().nbytes()
        self._left_out += size
        self._held -= size
        self._peak = self._reserved = self._held

    def sample(self) -> Sample:
        """Where the device would stand."""
        peak, self._peak = self._peak, self._held
        resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return Sample(
            held_bytes=self._held,
            peak_bytes=peak,
            allocations=self._allocations,
            reserved_bytes=self._reserved,
            process_bytes=resident - self._left_out,
        )

    def _meet(self, storage: torch.UntypedStorage) -> None:
        key, size = id(storage), storage.nbytes()  # torch keeps one object for as long as the memory lives
        if key in self._known:
            return

        def dropped(_: object) -> None:
            self._held -= size
            del self._known[key]

        self._known[key] = weakref.ref(storage, dropped)
        self._held += size
        self._peak = max(self._peak, self._held)
        if self._held > self._reserved:
            self._allocations, self._reserved = self._allocations + 1, self._held


class _CardMeter:
    """Statistics of torch's allocator, CUDA and ROCm alike.

    In use is what was asked for, to the byte: a block may be up to 1 MiB larger than that, by the chance of which one was free.
    What that chance costs is in the reserved bytes.
    """

    rounding_bytes = CARD_ROUNDING_BYTES

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def watching(self) -> AbstractContextManager[object]:
        return nullcontext()  # it always does

    def leave_out(self, on_host: Tensor) -> None:
        del on_host  # the allocator of the card has never heard of it

    def sample(self) -> Sample:
        told = torch.cuda.memory_stats(self._device)
        torch.cuda.reset_peak_memory_stats(self._device)
        free, whole = torch.cuda.mem_get_info(self._device)
        return Sample(
            held_bytes=told["requested_bytes.all.current"],
            peak_bytes=told["requested_bytes.all.peak"],
            allocations=told["segment.all.allocated"],
            reserved_bytes=told["reserved_bytes.all.current"],
            process_bytes=whole - free,
        )
