"""How a command of this package says that it cannot do what it was asked: lines on stderr, and an exit code."""

import sys
from collections.abc import Iterator

from pydantic import ValidationError

BAD = 2
"""As for a command line that cannot be used."""


def complain(command: str, *lines: str) -> int:
    """Say each line, after the command's name; the exit code."""
    sys.stderr.writelines(f"tandem-reasoning {command}: {line}\n" for line in lines)
    return BAD


def complain_of(command: str, error: Exception) -> int:
    """Say what an error is about: the file, where it is the system's, and each field that has not the form that it must have."""
    return complain(command, *_lines(error))


def _lines(error: Exception) -> Iterator[str]:
    match error:
        case ValidationError():
            yield from (f"{error.title}: {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        case OSError():
            yield f"{error.filename}: {error.strerror}"
        case _:
            yield str(error)
