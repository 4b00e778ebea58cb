"""The ranks of an attempt: who this one is, and how they agree on what to do next without waiting for each other.

An agreement costs no wait: it is asked at one micro-batch boundary and read at the next, over a gloo group of its own, so
that it never stands in line behind gradients, nor needs a GPU.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar, cast

import torch
import torch.distributed as dist

from tandem_trainer.refusal import Refusal

T = TypeVar("T")
_PATIENCE = timedelta(minutes=30)  # a rank may wait that long for another, such as while shards are prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """This rank's place."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    _peaks: list[int] = field(default_factory=list[int], init=False, repr=False, compare=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "World":
        """The place named by RANK, WORLD_SIZE and LOCAL_RANK, as torchrun spells them."""
        return cls(rank=int(environ["RANK"]), size=int(environ["WORLD_SIZE"]), local_rank=int(environ["LOCAL_RANK"]))

    @property
    def device(self) -> torch.device:
        """The card of this rank, or the CPU."""
        return torch.device("cuda", self.local_rank) if torch.cuda.is_available() else torch.device("cpu")

    def peak_memory_bytes(self) -> int | None:
        """The most that torch has held on the card at once; None on the CPU."""
        return max(torch.cuda.max_memory_allocated(self.device), *self._peaks, 0) if self.device.type == "cuda" else None

    @contextmanager
    def not_counted(self) -> Generator[None]:
        """What torch holds on the card within is nothing that training needs: the peak is as it was before, and the memory free."""
        before = self.peak_memory_bytes()
        yield
        if before is not None:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
            self._peaks[:] = [before]

    def insist_on(self, gpus_per_worker: int) -> None:
        """Make sure that the cards that were asked for are there: nobody wants to pay for training on the processor instead.

        Raises:
            Refusal: when there are fewer.
        """
        found = torch.cuda.device_count()
        if found < gpus_per_worker:
            seen = f"gpusPerWorker: {gpus_per_worker} is more than the {found} cards that torch {torch.__version__} sees here"
            message = f"{seen}: place it on another machine, or set gpusPerWorker 0 and accelerator none to train on the processor"
            raise Refusal(message)

    def join(self) -> None:
        """Meet the other ranks, over NCCL or RCCL where there are cards and over gloo elsewhere."""
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)
        if not dist.is_initialized():
            backend = "cpu:gloo,cuda:nccl" if self.device.type == "cuda" else "gloo"
            dist.init_process_group(backend, rank=self.rank, world_size=self.size, timeout=_PATIENCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a rank would like to happen; in an agreement, whether any rank would."""

    stop: bool = False
    checkpoint: bool = False
    busy: bool = False


class Agreement:
    """The same answer on every rank: whether any of them wishes to stop, to save, or still saves."""

    def __init__(self, world: World) -> None:
        self._group = cast("dist.ProcessGroup", dist.new_group(backend="gloo", timeout=_PATIENCE)) if world.size > 1 else None
        self._rank, self._size = world.rank, world.size
        self._asked = torch.zeros(3, dtype=torch.int32)
        self._work: dist.Work | None = None

    def ask(self, wish: Wish) -> None:
        """Tell the others, without waiting for them."""
        self._asked = torch.tensor([wish.stop, wish.checkpoint, wish.busy], dtype=torch.int32)
        if self._group is not None:
            self._work = dist.all_reduce(self._asked, op=dist.ReduceOp.MAX, group=self._group, async_op=True)

    def answer(self) -> Wish:
        """What was agreed on when all had asked. Every rank asks and answers in turn, equally often."""
        if self._work is not None:
            self._work.wait()
        stop, checkpoint, busy = self._asked.tolist()
        return Wish(stop=bool(stop), checkpoint=bool(checkpoint), busy=bool(busy))

    def all_true(self, mine: bool) -> bool:  # noqa: FBT001  # a vote
        """Whether it holds on every rank; waits for them."""
        vote = torch.tensor([not mine], dtype=torch.int32)
        if self._group is not None:
            dist.all_reduce(vote, op=dist.ReduceOp.MAX, group=self._group)
        return not vote.item()

    def from_first(self, make: Callable[[], T]) -> T:
        """What `make` gives on rank 0, on every rank; waits for it."""
        box = [make() if self._rank == 0 else None]
        if self._group is not None:
            dist.broadcast_object_list(box, src=0, group=self._group)
        return cast("T", box[0])

    def mean(self, mine: float) -> float:
        """The mean over all ranks, equal on all of them; waits for them."""
        total = torch.tensor([mine], dtype=torch.float64)
        if self._group is not None:
            dist.all_reduce(total, group=self._group)
        return total.item() / self._size
