"""Options of the whole test suite."""

import pytest

pytest_plugins = ["tests.parts.fixtures"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update` records golden files anew instead of comparing with them."""
    parser.addoption("--update", action="store_true", help="record golden files (tests/scenarios) anew; read the diff")
