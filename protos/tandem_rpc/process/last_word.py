"""How a process says what became of it, to whoever started it on this machine and may not be there to wait for its exit code."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def said(environ: Mapping[str, str], code: int, message: str = "") -> int:
    """Note how it ends where somebody looks for that: in the file `exit` of the folder TANDEM_SCRATCH; returns `code`."""
    if scratch := environ.get("TANDEM_SCRATCH"):
        with suppress(OSError):  # a full disk: who finds no last word takes the exit code from the system
            _note(Path(scratch, "exit"), code, message)
    return code


def _note(path: Path, code: int, message: str) -> None:
    """Written whole or not at all: whoever finds no such file knows that the process was killed."""
    draft = path.with_suffix(".draft")
    with draft.open("w") as file:
        json.dump({"code": code, "message": message}, file)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
