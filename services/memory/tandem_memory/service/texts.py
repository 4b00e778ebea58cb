"""Where vectors come from: handed in by callers, or made of texts by the service's embedding. A namespace has one origin only."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from tandem.memory.v1.memory_pb2 import Query, Record

from tandem_memory.acceptance import UnacceptableError
from tandem_memory.backend import DimensionError, EmbeddingError, Origin, UnknownNamespaceError
from tandem_memory.service.parts import Parts

CALLER = "caller"
_FLOAT = np.dtype("<f4")
_SHOWN = 80  # characters of a text that are repeated to who sent it


async def embedded(parts: Parts, namespace: str, records: Sequence[Record]) -> str:
    """Give all of `records` their vectors, unless they have them; none have, or all.

    Returns:
        What made the vectors.

    Raises:
        EmbeddingError: when the namespace takes none of ours; nothing was embedded then.
    """
    if records[0].vector:
        return CALLER
    _check_ours(parts, await parts.backend.origin(namespace))
    vectors = await _of_questions(parts, records)
    for record, vector in zip(records, vectors, strict=True):
        record.vector = vector.tobytes()
    return parts.embedding.name


async def embedded_before(parts: Parts, namespace: str, records: Sequence[Record], said: str) -> str:
    """As `embedded`, for records that come out of an export, which has `said` what made its vectors.

    Older exports say nothing. A namespace that is there says it then. For a new one, the first vector is compared with what our embedding
    makes of its question: the same to the last bit means that it is ours.

    Raises:
        EmbeddingError, UnacceptableError: when it is not what the namespace has, or ours of another dimension.
    """
    first = records[0]
    if not first.vector:
        return await embedded(parts, namespace, records)
    there = await parts.backend.origin(namespace)
    if said:
        _check_said(parts, there, said, len(first.vector) // _FLOAT.itemsize)
        return said
    if there is not None:
        return there.embedding
    if not first.question:
        return CALLER
    ours = await _vectors(parts, [first.question])
    return parts.embedding.name if ours[0].tobytes() == first.vector else CALLER


async def matrix(parts: Parts, namespace: str, queries: Sequence[Query]) -> tuple[npt.NDArray[np.float32], Mapping[int, str]]:
    """The vectors of those of `queries` that have one, and what is wrong with the others, by their place; all are texts, or none is.

    Returns:
        Vectors of shape (queries, dimension), without the others.

    Raises:
        UnknownNamespaceError, EmbeddingError, DimensionError: when they cannot be looked up there.
    """
    there = await parts.backend.origin(namespace)
    if there is None:
        raise UnknownNamespaceError(namespace)
    if queries[0].WhichOneof("by") == "text":
        _check_ours(parts, there)
        return await _of_texts(parts, [query.text for query in queries], there.dimension)
    for at, query in enumerate(queries):
        if len(query.vector) != there.dimension * _FLOAT.itemsize:
            raise DimensionError(there.dimension, len(query.vector) // _FLOAT.itemsize, at)
    return np.frombuffer(b"".join([query.vector for query in queries]), _FLOAT).reshape(len(queries), there.dimension), {}


async def _of_questions(parts: Parts, records: Sequence[Record]) -> npt.NDArray[np.float32]:
    """The vectors of the records' questions.

    Raises:
        UnacceptableError: when one has none.
    """
    vectors = await _vectors(parts, [record.question for record in records])
    for at in _silent(vectors):
        raise UnacceptableError(field=f"records[{at}].question", problem=_wordless(records[at].question))
    return vectors


async def _of_texts(parts: Parts, texts: Sequence[str], dimension: int) -> tuple[npt.NDArray[np.float32], Mapping[int, str]]:
    """As `matrix`; what is blank is not even shown to an embedding, since some refuse all for it."""
    places = [at for at, text in enumerate(texts) if text.strip()]
    vectors = await _vectors(parts, [texts[at] for at in places]) if places else np.empty((0, dimension), _FLOAT)
    silent = _silent(vectors)
    answered = {*places} - {places[at] for at in silent}
    return np.delete(vectors, silent, axis=0), {at: _wordless(text) for at, text in enumerate(texts) if at not in answered}


async def _vectors(parts: Parts, texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """A vector for each of `texts`, as the wire has it."""
    return (await parts.embedding.embed(texts)).astype(_FLOAT, copy=False)


def _silent(vectors: npt.NDArray[np.float32]) -> list[int]:
    """Places of the vectors without a direction: their texts say nothing that our embedding knows."""
    return np.flatnonzero(~vectors.any(axis=1)).tolist()


def _wordless(text: str) -> str:
    return f"{text[:_SHOWN]!r} has no word to be found by; say more, or send a vector"


def _check_said(parts: Parts, there: Origin | None, said: str, dimension: int) -> None:
    """Pass if a namespace may have, or begin with, vectors of so many dimensions that `said` has made."""
    if there is not None and there.embedding != said:
        raise EmbeddingError(there.embedding, said)
    ours = parts.embedding.dimension if there is None and said == parts.embedding.name else None
    if ours is not None and dimension != ours:
        problem = f"{dimension} dimensions, {said} makes {ours}; say what made them, or send what {said} makes"
        raise UnacceptableError(field="records[0].vector", problem=problem)


def _check_ours(parts: Parts, there: Origin | None) -> None:
    if there is not None and there.embedding != parts.embedding.name:
        raise EmbeddingError(there.embedding, parts.embedding.name)
