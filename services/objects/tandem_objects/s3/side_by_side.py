"""Large objects travel as parts, side by side: how they are cut, and what happens when one of them fails."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, wait
from typing import TypeVar

T = TypeVar("T")

LARGE = 16 << 20  # bytes from which on parts pay
_PART = 8 << 20  # 5 MiB is S3's least; AWS advises 8-16 MiB
_MOST_PARTS = 10_000  # S3
_MIB = 1 << 20


def cut(total: int) -> list[slice]:
    """The parts of `total` bytes, in order: all of one size but the last."""
    size = max(_PART, -(-total // (_MOST_PARTS * _MIB)) * _MIB)
    return [slice(start, min(start + size, total)) for start in range(0, total, size)]


def all_of(executor: Executor, tasks: Sequence[Callable[[], T]]) -> list[T]:
    """What the tasks return, in their order.

    When one fails, those that have not begun are dropped and those that have are waited for: nothing of a failed
    transfer is under way when its error is raised.
    """
    futures = [executor.submit(task) for task in tasks]
    try:
        wait(futures, return_when=FIRST_EXCEPTION)
    finally:
        wait([future for future in futures if not future.cancel()])
    return [future.result() for future in futures if not future.cancelled()]
