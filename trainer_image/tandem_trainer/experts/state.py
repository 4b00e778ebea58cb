"""What a mixture must not forget: the rows of all experts as they lie on the host, the shared parts with their moments, the handicaps.

Rows come first, and chunks are cut between experts, as many together as are worth a chunk (checkpoint/chunks.py): a chunk in which nobody
has learned since the checkpoint before is not uploaded again: by the expert from 1 MiB on, and by a few where there are thousands.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from tandem_trainer.adamw import MOMENTS, AdamW
from tandem_trainer.checkpoint.reader import Reader
from tandem_trainer.checkpoint.slices import Slice, Want
from tandem_trainer.experts.model import Mixture
from tandem_trainer.experts.moving.rows import Rows
from tandem_trainer.tensors import MASTER, bytes_of, dtype_name

ROWS = "experts/rows"
_ROWS_DTYPE = "float32"
STEPS = "adamw/step"
HANDICAPS = "router/handicaps"


class State:
    """The state by name."""

    def __init__(self, mixture: Mixture, rows: Rows, adamw: AdamW) -> None:
        self._mixture, self._rows, self._adamw = mixture, rows, adamw
        self._shape = (mixture.layer.sizes.count, mixture.layer.sizes.row)
        self._steps = torch.zeros(1)

    def slices(self) -> Iterator[Slice]:
        """All of it, once the layer has settled: experts that are on the device, or have still to learn, have returned."""
        self._steps.fill_(float(next(iter(self._adamw.state.values()))["step"]))
        count, row = self._shape
        yield Slice(tensor=ROWS, shape=self._shape, dtype=_ROWS_DTYPE, start=0, count=count * row, data=self._rows.seen(), unit=row)
        for name, numbers in self._named().items():
            on_host = numbers.detach().cpu().contiguous()
            shape, kind = tuple(numbers.shape), dtype_name(numbers.dtype)
            yield Slice(tensor=name, shape=shape, dtype=kind, start=0, count=numbers.numel(), data=bytes_of(on_host))

    def restore(self, saved: Reader) -> None:
        """Take it back.

        Raises:
            CheckpointError: when it cannot be read, or is the state of other sizes.
            DiskError: when experts lie on a disk that does not take them.
        """
        named = self._named()
        saved.check(ROWS, self._shape, _ROWS_DTYPE)
        for name, numbers in named.items():
            saved.check(name, tuple(numbers.shape), dtype_name(numbers.dtype))
        on_host = {name: _on_host(numbers) for name, numbers in named.items()}
        for first, out in self._rows.refilled():
            saved.fill([Want(tensor=ROWS, start=first * self._shape[1], out=out)])
        saved.fill(Want(tensor=name, start=0, out=bytes_of(numbers)) for name, numbers in on_host.items())
        for name, numbers in named.items():
            numbers.detach().copy_(on_host[name])
        for state in self._adamw.state.values():
            state["step"].fill_(float(self._steps[0]))
        self._mixture.layer.forget()

    @property
    def shared_bytes(self) -> int:
        """What it holds besides rows."""
        return sum(numbers.numel() * numbers.element_size() for numbers in self._named().values())

    def _named(self) -> Mapping[str, Tensor]:
        named: dict[str, Tensor] = {}
        for name, weight in self._mixture.shared.named_parameters():
            named[f"{name}/{MASTER}"] = weight
            named.update({f"{name}/{moment}": self._adamw.state[weight][moment] for moment in MOMENTS})
        return {**named, HANDICAPS: self._mixture.handicap_E, STEPS: self._steps}


def _on_host(numbers: Tensor) -> Tensor:
    """The tensor itself where it lies there, else room for a copy."""
    return numbers.detach() if numbers.device.type == "cpu" else torch.empty_like(numbers, device="cpu")
