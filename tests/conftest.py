"""Options of the whole test suite, and the real parts as fixtures."""

import os

import pytest
from hypothesis import settings

pytest_plugins = [
    "tests.clocks",
    "tests.parts.fixtures",
    "tests.parts.llm_fixtures",
    "tests.cluster.fixtures",
    "tests.second_tries",
    "tests.side_by_side",
]
os.environ.pop("UV_RUN_RECURSION_DEPTH", None)  # however the tests are started, `tandem` suggests commands as its own name has them
settings.register_profile("unhurried", settings.default, deadline=None)  # machines are shared: no test fails because one was slow
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update` records golden files anew instead of comparing with them."""
    parser.addoption("--update", action="store_true", help="record golden files (tests/scenarios) anew; read the diff")
