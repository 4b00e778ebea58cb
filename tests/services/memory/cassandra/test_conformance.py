"""The suite that every backend passes, on a cluster of three nodes."""

from tests.services.memory.conformance.test_records import *  # noqa: F403
from tests.services.memory.conformance.test_watch import *  # noqa: F403
from tests.services.memory.conformance.test_worth import *  # noqa: F403
