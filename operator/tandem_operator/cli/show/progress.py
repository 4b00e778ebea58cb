"""How far something is that takes a while, on standard error: a bar on a terminal, elsewhere a line every few seconds."""

import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_EVERY_S = 5.0
_LOOK_EVERY = 256  # things in between two looks at the clock

T = TypeVar("T")


class Counter(Protocol):
    """Counts what passes through it."""

    def passing(self, things: Iterable[T]) -> Iterator[T]:
        """The same things, counted."""
        ...


@contextmanager
def counting(verb: str, total: int | None, *, bar: bool | None = None) -> Generator[Counter]:
    """While this is entered, what passes through the counter is shown.

    Args:
        verb: What is done, such as "exporting".
        total: How many things there will be, if that is known.
        bar: Whether there is a bar; None asks the terminal.
    """
    if not (bar if bar is not None else sys.stderr.isatty()):
        yield _Lines(verb, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(verb), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _Bar(progress, progress.add_task(verb, total=total))


class _Bar:
    def __init__(self, progress: "Progress", task: "TaskID") -> None:
        self._progress, self._task = progress, task

    def passing(self, things: Iterable[T]) -> Iterator[T]:
        for thing in things:
            yield thing
            self._progress.advance(self._task)


class _Lines:
    def __init__(self, verb: str, total: int | None) -> None:
        self._verb, self._of = verb, "" if total is None else f" of {total:,}"
        self._said_at = monotonic()

    def passing(self, things: Iterable[T]) -> Iterator[T]:
        for count, thing in enumerate(things, 1):
            yield thing
            if count % _LOOK_EVERY == 0 and monotonic() - self._said_at >= _EVERY_S:
                self._said_at = monotonic()
                print(f"{self._verb} {count:,}{self._of}", file=sys.stderr)
