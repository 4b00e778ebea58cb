"""Options of the whole test suite, and the real parts as fixtures."""

import os

import pytest
from hypothesis import settings

pytest_plugins = ["tests.parts.fixtures", "tests.cluster.fixtures"]
os.environ.pop("UV_RUN_RECURSION_DEPTH", None)  # however the tests are started, `tandem` suggests commands as its own name has them
settings.register_profile("unhurried", settings.default, deadline=None)  # machines are shared: no test fails because one was slow
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update` records golden files anew instead of comparing with them."""
    parser.addoption("--update", action="store_true", help="record golden files (tests/scenarios) anew; read the diff")


_SHARED = ("cluster", "api_cluster", "cassandra", "spare_site")
"""Fixtures that a machine has room for once, the slowest first."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several processes (`-n 2 --dist loadgroup`) tests that share a fixture, or a file, stay together; long groups begin first."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_shared(item) or str(item.path)))
    items.sort(key=lambda item: _SHARED.index(name) if (name := _shared(item)) else len(_SHARED))


def _shared(item: pytest.Item) -> str | None:
    """Which of those a test uses."""
    used = [name for name in _SHARED if name in getattr(item, "fixturenames", ())]
    assert len(used) <= 1, f"{item.nodeid} uses {' and '.join(used)}, which may be in two processes: use one"
    return used[0] if used else None
