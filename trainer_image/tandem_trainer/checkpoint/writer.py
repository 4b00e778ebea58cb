"""How a checkpoint comes to exist: every agent uploads its ranks' chunks and parts, then rank 0's agent writes the manifest.

Chunks go straight from shared memory into the store, each hashed once. The manifest is written last and only where there
is none (`put_if_absent`), so that a reader finds either a whole checkpoint or none.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import fields

from tandem_objects import ObjectError, Store

from tandem_trainer.checkpoint import chunks, keys
from tandem_trainer.checkpoint.errors import during
from tandem_trainer.checkpoint.layout import Placed
from tandem_trainer.checkpoint.manifest import Chunk, Part, PartInfo, Stretch, Tensor, encode_part


def save_part(
    store: Store,
    info: PartInfo,
    layout: Sequence[Placed],
    buffer: memoryview,
    *,
    previous: Part | None = None,
    parallel: int = 4,
) -> Part:
    """Upload what one rank staged. Durable when it returns, and part of a checkpoint once that is committed.

    One rank's saves are made in the order of their steps, one at a time; different ranks need not wait for each other.

    Args:
        store: Where to.
        info: What it is.
        layout: Which numbers lie where in `buffer`.
        buffer: What was staged; left alone until this returns.
        previous: What the last save of this rank under this claim returned: chunks that are still the same are not
            uploaded again.
        parallel: How many chunks are on their way at once.

    Raises:
        CheckpointError: when the store does not take it. Nothing of it is left then, and nothing before it is harmed.
    """
    uploads = _Uploads(store, info, previous)
    extents = chunks.cuts(len(buffer), layout)
    with during(f"step {info.step} of rank {info.rank} could not be saved, what was saved before stands"):
        with uploads, ThreadPoolExecutor(parallel, thread_name_prefix="upload") as pool:
            uploaded = list(pool.map(uploads.upload, (buffer[extent] for extent in extents)))
        part = Part(
            **{each.name: getattr(info, each.name) for each in fields(PartInfo)},
            tensors=_tensors(layout, extents, [key for key, _ in uploaded]),
            chunks=dict(uploaded),
        )
        store.put(part.key, encode_part(part))
    return part


class _Uploads:
    """The chunks of one part on their way; as a context, removes what it uploaded when not all could be."""

    def __init__(self, store: Store, info: PartInfo, previous: Part | None) -> None:
        self._store = store
        self._info = info
        self._known = _reusable(info, previous)
        self._begun: list[str] = []

    def upload(self, chunk: memoryview) -> tuple[str, Chunk]:
        blocks = chunks.block_digests(chunk)
        made = Chunk(bytes=len(chunk), blocks=blocks)
        if made in self._known:
            return self._known[made], made
        key = keys.chunk(self._info.save, self._info.rank, chunks.digest(blocks))
        self._begun.append(key)
        self._store.put_large(key, chunk)
        return key, made

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # A disk that has filled up must not stay full of halves. If there is a part already, this is a second try after
        # a lost answer, and a manifest may name these very chunks. Else nobody can: their names are this save's own.
        if kind is not None:
            with suppress(ObjectError):  # the first error is the one to tell; retention deletes what is left
                if self._store.stat(keys.part(self._info.save, self._info.rank)) is None:
                    self._store.delete(self._begun)


def _reusable(info: PartInfo, previous: Part | None) -> Mapping[Chunk, str]:
    """Chunks that need no upload.

    Of the save just before and nowhere else: what that refers to, retention keeps until this one is committed or given up.
    """
    if previous is None or (previous.claim, previous.rank) != (info.claim, info.rank):
        return {}
    return {chunk: key for key, chunk in previous.chunks.items()}


def _tensors(layout: Iterable[Placed], extents: tuple[slice, ...], names: list[str]) -> dict[str, Tensor]:
    shapes: dict[str, Placed] = {}
    stretches: dict[str, list[Stretch]] = {}
    for placed in layout:
        shapes.setdefault(placed.tensor, placed)
        stretches.setdefault(placed.tensor, []).extend(
            Stretch(start=held.start, count=held.count, chunk=names[held.chunk], offset=held.offset)
            for held in chunks.held(placed, extents)
        )
    return {
        name: Tensor(shape=shapes[name].shape, dtype=shapes[name].dtype, slices=tuple(sorted(found, key=lambda one: one.start)))
        for name, found in stretches.items()
    }
