"""Where the key of a lane comes from: a file or a variable, read anew for each call, since keys are exchanged while a run goes on.

The key itself is in no value that lives longer than a call, and in no text: `repr` names the place.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path


class KeyMissingError(Exception):
    """There is no key to show; the text says where it was looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPlace:
    """Where a key is: in `file` or in the environment's `variable`; exactly one of them.

    Attributes:
        file: Holds the key and nothing else; a mounted Secret.
        variable: Name of a variable.
    """

    file: Path | None = None
    variable: str | None = None

    def __post_init__(self) -> None:
        assert (self.file is None) != (self.variable is None)

    def read(self) -> str:
        """The key, as it is now.

        Raises:
            KeyMissingError: It is not there, empty, or nothing that may stand in a header.
        """
        text = (self._from_file(self.file) if self.file else os.environ.get(self.variable or "", "")).strip()
        if not text:
            msg = f"{self}: there is no key; write it there"
            raise KeyMissingError(msg)
        if not text.isascii() or not text.isprintable() or " " in text:
            msg = (
                f"{self}: this is no key: it may hold no blanks, line breaks or letters beyond ASCII; write the key there and nothing else"
            )
            raise KeyMissingError(msg)
        return text

    def stamp(self) -> str:
        """Changes when the key does and tells nothing about it; empty when there is no key. Whose key was refused waits for another."""
        try:
            return hashlib.sha256(self.read().encode()).hexdigest()[:_STAMP]
        except KeyMissingError:
            return ""

    def __str__(self) -> str:
        return f"key file {self.file}" if self.file else f"key variable {self.variable}"

    def _from_file(self, file: Path) -> str:
        try:
            return file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            msg = f"{self}: it cannot be read: {reason}"
            raise KeyMissingError(msg) from None


_STAMP = 12  # characters; 48 bits tell two keys apart and give none away
