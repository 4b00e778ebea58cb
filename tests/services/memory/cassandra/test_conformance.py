"""The suite that every backend passes, on a cluster of three nodes."""

import pytest

from tests.services.memory.conformance.test_forgetting import *  # noqa: F403
from tests.services.memory.conformance.test_model import test_a_memory_is_dicts  # noqa: F401
from tests.services.memory.conformance.test_records import *  # noqa: F403
from tests.services.memory.conformance.test_watch import *  # noqa: F403
from tests.services.memory.conformance.test_worth import *  # noqa: F403

pytestmark = pytest.mark.xdist_group("cassandra")
