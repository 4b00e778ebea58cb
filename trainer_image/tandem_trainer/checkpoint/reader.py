"""How a checkpoint is found and read back, by any number of ranks: each fetches its own ranges, and verifies them."""

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

from tandem_objects import NotFound, OutOfRange, Store

from tandem_trainer.checkpoint import chunks, keys
from tandem_trainer.checkpoint.errors import Corrupted, Mismatch, UnknownVersion, during
from tandem_trainer.checkpoint.manifest import Manifest, Tensor, decode_manifest
from tandem_trainer.checkpoint.reads import LONGEST, Read, reads
from tandem_trainer.checkpoint.slices import Want


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A checkpoint that was passed over, and why; as text, one line for people."""

    key: str
    reason: str

    def __str__(self) -> str:
        return f"passed over a checkpoint: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The newest checkpoint that can be read, if there is one, and the newer ones that cannot."""

    manifest: Manifest | None
    skipped: tuple[Skipped, ...]


def candidates(store: Store) -> tuple[str, ...]:
    """Keys of all manifests, newest first: by claim, then by step."""
    with during(f"looking for checkpoints in {store.uri}"):
        saves = [save for info in store.list(keys.MANIFESTS) if (save := keys.manifest_save(info.key))]
    return tuple(keys.manifest(save) for save in sorted(saves, reverse=True))


def load_manifest(store: Store, key: str) -> Manifest:
    """The manifest at `key`.

    Raises:
        UnknownVersion: when another version of Tandem wrote it.
        Corrupted: when it is damaged, or gone.
        CheckpointError: when the store does not answer.
    """
    with during(f"reading {key}"):
        try:
            data = store.get(key)
        except NotFound as error:
            raise Corrupted(key, "is gone") from error
    return decode_manifest(key, data)


def newest(store: Store, *, skip: Collection[str] = ()) -> Found:
    """The newest checkpoint whose manifest can be read, leaving out the keys in `skip` (those whose chunks turned out bad)."""
    skipped: list[Skipped] = []
    for key in candidates(store):
        if key in skip:
            continue
        try:
            return Found(manifest=load_manifest(store, key), skipped=tuple(skipped))
        except (Corrupted, UnknownVersion) as error:
            skipped.append(Skipped(key=key, reason=str(error)))
    return Found(manifest=None, skipped=tuple(skipped))


class Reader:
    """Reads numbers out of one checkpoint."""

    def __init__(self, store: Store, manifest: Manifest, *, parallel: int = 4) -> None:
        self._store = store
        self._manifest = manifest
        self._parallel = parallel

    @property
    def manifest(self) -> Manifest:
        """What it is the checkpoint of."""
        return self._manifest

    def tensors(self) -> Mapping[str, Tensor]:
        """What it holds, by name."""
        return self._manifest.tensors

    def check(self, tensor: str, shape: tuple[int, ...], dtype: str) -> None:
        """Make sure that a tensor of the model is in the checkpoint as the model has it.

        Raises:
            Mismatch: saying what the checkpoint holds instead.
        """
        held = self._manifest.tensors.get(tensor)
        if held is None or (held.shape, held.dtype) != (tuple(shape), dtype):
            has = "no such tensor" if held is None else f"{list(held.shape)} {held.dtype}"
            fix = "resume with the model that was saved, or set another checkpoint.uri"
            msg = f"tensor {tensor!r}: the model has {list(shape)} {dtype}, {self._manifest.key} has {has}; {fix}"
            raise Mismatch(msg)

    def fill(self, wants: Iterable[Want]) -> None:
        """Fill every want's view. After an error, the views hold anything.

        Raises:
            Mismatch: when the checkpoint does not hold a wanted number.
            Corrupted: when a chunk is damaged, cut short or gone; it names checkpoint, chunk and block.
            CheckpointError: when the store does not answer.
        """
        planned = reads(self._manifest, wants)
        buffers: SimpleQueue[bytearray] = SimpleQueue()
        for _ in range(min(self._parallel, len(planned))):
            buffers.put(bytearray(LONGEST))

        def carry_out(read: Read) -> None:
            if read.direct:
                self._fetch(read, read.pieces[0].out)
                return
            buffer = buffers.get()
            try:
                self._scatter(read, memoryview(buffer)[: read.end - read.start])
            finally:
                buffers.put(buffer)

        with ThreadPoolExecutor(self._parallel, thread_name_prefix="restore") as pool:
            for _ in pool.map(carry_out, planned):
                pass

    def _scatter(self, read: Read, buffer: memoryview) -> None:
        self._fetch(read, buffer)
        for piece in read.pieces:
            begin = piece.offset - read.start
            piece.out[:] = buffer[begin : begin + len(piece.out)]

    def _fetch(self, read: Read, buffer: memoryview) -> None:
        """Read and verify."""
        with during(f"reading {self._manifest.key}"):
            try:
                self._store.get_range_into(read.chunk, read.start, buffer)
            except (NotFound, OutOfRange) as error:
                raise Corrupted(read.chunk, f"is gone or cut short, {self._manifest.key} is damaged ({error})") from error
        first = read.start // chunks.BLOCK
        expected = self._manifest.chunks[read.chunk].blocks[first:]
        for number, (found, wanted) in enumerate(zip(chunks.block_digests(buffer), expected, strict=False), first):
            if found != wanted:
                raise Corrupted(read.chunk, f"block {number} is not what was saved, {self._manifest.key} is damaged")
