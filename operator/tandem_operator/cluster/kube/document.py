"""Reading objects as the API has them, in which any part may be left out."""

from typing import Any, cast

Json = dict[str, Any]
"""A JSON object."""


def part(found: Json, *path: str) -> Json:
    """The object at `path`; empty where there is none."""
    for name in path:
        found = cast("Json", found.get(name) or {})
    return found


def parts(found: Json, *path: str) -> list[Json]:
    """The objects in the list at `path`; none where there is no list."""
    return cast("list[Json]", part(found, *path[:-1]).get(path[-1]) or [])


def text(found: Json, *path: str) -> str:
    """The text at `path`; empty where there is none."""
    return str(part(found, *path[:-1]).get(path[-1]) or "")
