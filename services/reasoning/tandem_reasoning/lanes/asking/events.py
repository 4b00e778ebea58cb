"""Puts the pieces of a streamed answer together, so that it reads as one that was not streamed. Pure.

Server-sent events, one JSON object in each `data:` line and `[DONE]` at the end; the last piece may hold usage and no choice.
"""

import json
from typing import Any, cast

_DONE = "[DONE]"


def assembled(body: bytes) -> dict[str, Any] | None:
    """The whole answer; None when no piece can be read. `unfinished` is set in one that neither ends nor says why it stopped."""
    data = _data(body)
    pieces = [piece for line in data if line != _DONE and (piece := _object(line)) is not None]
    if not pieces:
        return None
    refusal = next((piece for piece in pieces if piece.get("error")), None)
    if refusal is not None:
        return refusal
    choices = [choice for piece in pieces if (choice := _choice(piece)) is not None]
    finish = next((choice["finish_reason"] for choice in choices if choice.get("finish_reason")), None)
    usage = next((piece["usage"] for piece in reversed(pieces) if piece.get("usage")), None)
    text = "".join(str(_delta(choice).get("content") or "") for choice in choices)
    return {
        "choices": [{"message": {"content": text}, "finish_reason": finish}] if choices else [],
        "usage": usage,
        "unfinished": finish is None and _DONE not in data,
    }


def _data(body: bytes) -> list[str]:
    lines = body.splitlines()  # of bytes: text would be split at more than the ends of lines
    return [line.removeprefix(b"data:").strip().decode(errors="replace") for line in lines if line.startswith(b"data:")]


def _object(line: str) -> dict[str, Any] | None:
    try:
        piece = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", piece) if isinstance(piece, dict) else None


def _choice(piece: dict[str, Any]) -> dict[str, Any] | None:
    choices = piece.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return None
    return cast("dict[str, Any]", choices[0])


def _delta(choice: dict[str, Any]) -> dict[str, Any]:
    delta = choice.get("delta")
    return cast("dict[str, Any]", delta) if isinstance(delta, dict) else {}
