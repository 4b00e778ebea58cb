"""Each number of experts is measured in a process of its own: an allocator would remember the one before."""

import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

from tandem_trainer.experts.proof.judging import Row
from tandem_trainer.experts.proof.wanted import Wanted
from tandem_trainer.verdict import in_a_line


class EndedError(Exception):
    """The process ended before it had measured anything; a line that says how."""


def measured_apart(wanted: Wanted, count: int, told: Callable[[int], None]) -> tuple[str, Row]:
    """The device, and what was measured on it; `told` hears how many windows are done.

    Raises:
        EndedError: when the process ended early, with why, unless the system killed it; the whole is on standard error.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tandem_trainer.experts.proof.measure"])  # torch is loaded once, and no card is touched
    reading, writing = context.Pipe(duplex=False)
    child = context.Process(target=_measure, args=(wanted, count, writing), daemon=True)
    child.start()
    writing.close()
    why = ""
    for heard in _heard(reading):
        if isinstance(heard, str):
            why = f": {heard}"
        elif isinstance(heard, int):
            told(heard)
        else:
            child.join()
            return heard
    child.join()
    message = f"measuring {count:,} experts ended with exit code {child.exitcode}{why}"
    raise EndedError(message)


def _measure(wanted: Wanted, count: int, writing: Connection) -> None:
    from tandem_trainer.experts.proof.measure import measure

    try:
        writing.send(measure(wanted, count, writing.send))
    except Exception as error:
        writing.send(in_a_line(error))  # such as a card's memory, which nobody could foresee
        raise


def _heard(reading: Connection) -> Iterator[Any]:
    while True:
        try:
            yield reading.recv()
        except EOFError:
            return
