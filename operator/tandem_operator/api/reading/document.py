"""A document that was read: its value, the line of each field, what was wrong with it, and how its places are named."""

import re
from dataclasses import dataclass, field

Path = tuple[str | int, ...]
"""Keys and list indexes that lead from the document to one of its values."""


@dataclass(slots=True)
class Document:
    """What a text holds: None when nothing could be read, with REFUSED wherever a single value could not."""

    value: object = None
    lines: dict[Path, int] = field(default_factory=dict[Path, int])
    problems: list[tuple[Path, str]] = field(default_factory=list[tuple[Path, str]])

    def say(self, path: Path, sentence: str) -> None:
        """Notes a problem of one place."""
        self.problems.append((path, f"{path_text(path)}: {sentence}"))


def path_text(path: Path) -> str:
    """`spec.phases[1].learningRate`; a key that is no plain name stands in brackets."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[A-Za-z_][\w-]*", part):
            text += f".{part}" if text else part
        else:
            text += f'["{part[:60]}"]'
    return text or "the run"
