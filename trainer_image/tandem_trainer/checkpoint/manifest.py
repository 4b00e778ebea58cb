"""What is written about a checkpoint: a part by each rank, then a manifest made of all parts. JSON, read strictly.

A checkpoint exists if and only if its manifest does. Each file ends with a digest of itself: chunks verify what they
hold, but which of their bytes is which number stands only here.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, ClassVar, Final, Literal

import xxhash
from pydantic import ConfigDict, Field, JsonValue, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from tandem_trainer.checkpoint import chunks, keys
from tandem_trainer.checkpoint.errors import Corrupted, UnknownVersion
from tandem_trainer.checkpoint.layout import ITEM_BYTES

VERSION: Final = 1

_STRICT: Final = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel, ser_json_inf_nan="null", allow_inf_nan=False)

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """`count` numbers of a tensor from number `start` on lie in `chunk` (its key) from byte `offset` on."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    start: Count
    count: Positive
    chunk: str
    offset: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """A tensor: its shape, its number format, and where its numbers are, ordered by `start`."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    shape: tuple[Count, ...]
    dtype: str
    slices: tuple[Stretch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """An uploaded chunk: its length, and the digest of each of its blocks (1 MiB, the last one shorter)."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    bytes: Positive
    blocks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What a checkpoint is of.

    Attributes:
        run: Name of the run.
        uid: Its uid; a run deleted and made anew has another.
        attempt: The attempt that trained up to here.
        claim: Its claim (claim.py).
        step: Optimizer steps done since the beginning of the run.
        world_size: Ranks that saved it. Any number of ranks may read it.
        at: When, in UTC.
        loss: Loss of the last step, in nats a token; None when there is none, or it was not finite.
        tokens: Tokens learned from since the beginning of the run.
        extra: What else the loop wants back, as JSON.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    run: str
    uid: str
    attempt: Count
    claim: Positive
    step: Count
    world_size: Positive
    at: datetime
    loss: float | None = None
    tokens: Count = 0
    extra: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])

    @property
    def save(self) -> keys.Save:
        """Its place among all checkpoints."""
        return keys.Save(claim=self.claim, step=self.step)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartInfo(Moment):
    """What a part is of: a checkpoint, and the rank that saves."""

    rank: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(PartInfo):
    """What one rank saved. `chunks` by key."""

    FORMAT: ClassVar = "tandem.checkpoint.part"

    format: Literal["tandem.checkpoint.part"] = FORMAT
    version: Literal[1] = VERSION
    tensors: Mapping[str, Tensor]
    chunks: Mapping[str, Chunk]
    digest: Literal[""] = ""

    @property
    def key(self) -> str:
        """Where it is kept."""
        return keys.part(self.save, self.rank)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest(Moment):
    """A whole checkpoint. `chunks` by key."""

    FORMAT: ClassVar = "tandem.checkpoint"

    format: Literal["tandem.checkpoint"] = FORMAT
    version: Literal[1] = VERSION
    tensors: Mapping[str, Tensor]
    chunks: Mapping[str, Chunk]
    digest: Literal[""] = ""

    @property
    def key(self) -> str:
        """Where it is kept."""
        return keys.manifest(self.save)

    @property
    def bytes(self) -> int:
        """Bytes of state, as they lie in the store."""
        return sum(chunk.bytes for chunk in self.chunks.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    format: str
    version: int


_HEAD: Final = TypeAdapter(_Head)
_PART: Final = TypeAdapter(Part)
_MANIFEST: Final = TypeAdapter(Manifest)

# How the JSON of either ends: `digest` is the last field. The digest is that of the text with the field left empty.
_UNSEALED: Final = b'"digest":""}'
_SEALED_BYTES: Final = len(_UNSEALED) + 32


def encode_part(part: Part) -> bytes:
    """The JSON of a part."""
    return _sealed(_PART.dump_json(part, by_alias=True))


def encode_manifest(manifest: Manifest) -> bytes:
    """The JSON of a manifest."""
    return _sealed(_MANIFEST.dump_json(manifest, by_alias=True))


def decode_part(key: str, data: bytes) -> Part:
    """A part, read back.

    Raises:
        UnknownVersion: when another version of the format wrote it.
        Corrupted: when it is not what was written, or is the part of something else.
    """
    with _told_in_one_line(key):
        part = _PART.validate_json(_body(Part.FORMAT, key, data))
    _check_contents(key, part)
    return part


def decode_manifest(key: str, data: bytes) -> Manifest:
    """A manifest, read back; raises like `decode_part`."""
    with _told_in_one_line(key):
        manifest = _MANIFEST.validate_json(_body(Manifest.FORMAT, key, data))
    _check_contents(key, manifest)
    return manifest


def _sealed(body: bytes) -> bytes:
    return body.removesuffix(_UNSEALED) + _seal(body)


def _seal(body: bytes) -> bytes:
    return b'"digest":"%s"}' % xxhash.xxh3_128_hexdigest(body).encode()


def _body(kind: str, key: str, data: bytes) -> bytes:
    """What was sealed, if the seal is whole and the version is ours."""
    head = _HEAD.validate_json(data)
    if (head.format, head.version) != (kind, VERSION):
        found = f"format {head.format!r} version {head.version}"
        msg = f"{key}: {found} is not {kind!r} version {VERSION}; read it with the Tandem that wrote it"
        raise UnknownVersion(msg)
    body = data[:-_SEALED_BYTES] + _UNSEALED
    if data[-_SEALED_BYTES:] != _seal(body):
        raise Corrupted(key, "does not end with the digest of what it says")
    return body


def _check_contents(key: str, read: Part | Manifest) -> None:
    if read.key != key:
        raise Corrupted(key, f"is a copy of {read.key}")
    for name, chunk in read.chunks.items():
        if chunks.digest(chunk.blocks) != keys.chunk_digest(name) or len(chunk.blocks) != -(-chunk.bytes // chunks.BLOCK):
            raise Corrupted(key, f"the blocks of {name} are not those of its name")
    for name, tensor in read.tensors.items():
        if tensor.dtype not in ITEM_BYTES:
            msg = f"{key}: tensor {name!r} has dtype {tensor.dtype!r}, which this Tandem does not know"
            raise UnknownVersion(msg)
        item = ITEM_BYTES[tensor.dtype]
        for stretch in tensor.slices:
            chunk = read.chunks.get(stretch.chunk)
            if chunk is None or stretch.offset + stretch.count * item > chunk.bytes:
                raise Corrupted(key, f"tensor {name!r}: number {stretch.start} lies outside of any chunk it names")


@contextmanager
def _told_in_one_line(key: str) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise Corrupted(key, f"{place}: {first['msg']}".replace("\n", " ")) from error
