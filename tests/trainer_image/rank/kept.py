"""A rank's state, kept by the real checkpoint package as an agent would."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tandem_objects import Store
from tandem_trainer.checkpoint.commit import commit
from tandem_trainer.checkpoint.layout import Placed
from tandem_trainer.checkpoint.manifest import Part, PartInfo
from tandem_trainer.checkpoint.reader import Reader, newest
from tandem_trainer.checkpoint.slices import Slice
from tandem_trainer.checkpoint.staging import Staging, mapped
from tandem_trainer.checkpoint.writer import save_part


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What is said of a checkpoint."""

    claim: int = 1
    step: int = 1
    tokens: int = 0
    extra: Mapping[str, Any]


def keep_part(store: Store, moment: Moment, layout: Sequence[Placed], memory: memoryview, *, rank: int = 0, size: int = 1) -> Part:
    """Save what one rank staged."""
    info = PartInfo(
        run="test",
        uid="u",
        attempt=1,
        claim=moment.claim,
        step=moment.step,
        rank=rank,
        world_size=size,
        at=datetime.now(UTC),
        tokens=moment.tokens,
        extra=moment.extra,
    )
    return save_part(store, info, layout, memory)


def keep(store: Store, ranks: Sequence[Iterable[Slice]], extra: Mapping[str, Any]) -> Reader:
    """Save the slices of every rank, commit them, and open what was committed."""
    parts: list[Part] = []
    for rank, slices in enumerate(ranks):
        staged = Staging().take(slices)
        assert staged is not None
        memory = mapped(staged.fd, staged.bytes)
        parts.append(keep_part(store, Moment(extra=extra), staged.layout, memory, rank=rank, size=len(ranks)))
    commit(store, parts[0], timeout_s=0)
    manifest = newest(store).manifest
    assert manifest is not None
    return Reader(store, manifest)
