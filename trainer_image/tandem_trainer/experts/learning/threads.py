"""On how many threads of a processor small experts are worked on: one, whatever the rank has for all else.

Several share out the products of experts that are side by side, and a product of one by its rows: with two threads or four, who is beside
whom then changes the last bits of some sizes. There is nothing to gain by more for so little work.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Operations on the processor in one thread, until this is left."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
