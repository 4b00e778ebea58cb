"""How `tandem` ends: exit codes that scripts can rest on, and the one way to say a mistake."""

from collections.abc import Iterable
from enum import IntEnum
from typing import NoReturn


class Exit(IntEnum):
    """The exit codes of `tandem`; 70 and 74 are those of sysexits.h, 130 is what shells report for Ctrl-C."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    STOPPED = 3
    NO_SUCH_RUN = 4
    UNEXPECTED = 70
    MACHINE = 74
    DETACHED = 130


EPILOGUE = """Exit codes:

- 0 done
- 1 the run failed
- 2 a file, an option or the state of a run is wrong
- 3 the run was stopped before its end (Ctrl-C, suspend, budget)
- 4 no such run, or namespace of a memory
- 70 a mistake of Tandem's own
- 74 the machine refuses (disk full, no permission)
- 130 you left, the run goes on
"""


class Leave(Exception):  # noqa: N818 - reads as what it says
    """Leave with an exit code, after a line for each problem."""

    def __init__(self, code: Exit, problems: Iterable[str] = ()) -> None:
        super().__init__()
        self.code = code
        self.problems = tuple(problems)


def leave(code: Exit, *problems: str) -> NoReturn:
    """Leave with an exit code, after a line for each problem."""
    raise Leave(code, problems)
