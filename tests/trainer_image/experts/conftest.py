"""Small products are fastest on one thread, above all where many tests run at a time."""

from collections.abc import Iterator

import pytest
from tandem_trainer.experts.learning.threads import one_thread


@pytest.fixture(autouse=True)
def in_one_thread() -> Iterator[None]:
    """Put back afterwards."""
    with one_thread():
        yield
