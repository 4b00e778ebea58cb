"""A process that has no thread left, as one at its limit has none: a thread wants more memory for itself than any machine has."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

_TOO_MUCH = 1 << 56


@contextmanager
def no_more_threads() -> Generator[None]:
    """Within it Python can start no thread in this process: those that try have the error that a limit of threads gives them."""
    before = threading.stack_size(_TOO_MUCH)
    try:
        yield
    finally:
        threading.stack_size(before)
