"""The suite that every backend passes, on a cluster of three nodes."""

from collections.abc import Callable

import pytest

from tests.services.memory.conformance.test_forgetting import *  # noqa: F403
from tests.services.memory.conformance.test_model import against_dicts, test_a_memory_is_dicts  # noqa: F401
from tests.services.memory.conformance.test_records import *  # noqa: F403
from tests.services.memory.conformance.test_watch import *  # noqa: F403
from tests.services.memory.conformance.test_worth import *  # noqa: F403
from tests.services.memory.driven import Driven

pytestmark = pytest.mark.xdist_group("cassandra")


def test_a_memory_is_dicts_however_often_its_replica_is_killed(new_killed: Callable[[], Driven]) -> None:
    """As above, with a replica that is killed wherever another is closed, and another one that goes on in its place."""
    against_dicts(new_killed, 1)
