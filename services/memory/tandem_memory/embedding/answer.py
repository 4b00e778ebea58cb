"""What an OpenAI-compatible endpoint answers, read with care: it comes from outside."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt


class AnswerError(ValueError):
    """An answer that is not what the API promises, in words that follow the name of who gave it."""


def vectors(content: bytes, count: int) -> npt.NDArray[np.float32]:
    """The vectors of an answer, shape (count, dimension), in the order of the texts.

    Raises:
        AnswerError: for anything else than `count` vectors of finite numbers, all of one dimension.
    """
    try:
        items: list[dict[str, Any]] = json.loads(content)["data"]
        rows = [item["embedding"] for item in sorted(items, key=lambda item: int(item["index"]))]
        numbers = [int(item["index"]) for item in items]
    except (ValueError, KeyError, TypeError) as error:
        message = "answered with something else than embeddings; is it an OpenAI-compatible /v1?"
        raise AnswerError(message) from error
    if sorted(numbers) != list(range(count)):
        message = f"answered {len(rows)} embeddings for {count} texts"
        raise AnswerError(message)
    return _matrix(rows)


def _matrix(rows: list[Any]) -> npt.NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            found = np.array(rows, np.float32)
    except (ValueError, TypeError) as error:
        message = "answered with vectors of different dimensions, or with something else than numbers"
        raise AnswerError(message) from error
    if found.ndim != 2 or not found.shape[1] or not np.isfinite(found).all():  # noqa: PLR2004  # texts and components
        message = "answered with vectors that are empty or not finite"
        raise AnswerError(message)
    return found
