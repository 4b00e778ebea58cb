"""pytest plugin: how tests are shared out among several processes (`pytest -n 3 --dist loadscope`, pytest-xdist).

A file's tests stay together, and so do all tests that use what a machine has room for once, such as a cluster. Processes know their
tests by name alone before they run them, so that those files are listed here; one that is not is found when tests are collected.
"""

from collections.abc import Mapping
from typing import Any

import pytest

_SHARED: Mapping[str, tuple[str, ...]] = {  # a fixture: files, or folders, whose tests use it; what takes longest first
    "cluster": (
        "tests/cluster/test_nodes.py",
        "tests/e2e/cluster/",
        "tests/operator/render/test_on_kubelets.py",
        "tests/services/telemetry/test_in_a_cluster.py",
    ),
    "api_cluster": (
        "tests/charts/",
        "tests/cluster/test_fault_proxy.py",
        "tests/operator/api/test_on_api_server.py",
        "tests/operator/cluster/",
        "tests/operator/render/test_on_api_server.py",
        "tests/services/telemetry/test_real_api_server.py",
    ),
    "cassandra": ("tests/services/memory/cassandra/", "tests/services/memory/program/test_clustered.py"),
}
_LONG = (  # files that start training again and again, and would come last: who begins one at the end has all others wait
    "tests/trainer_image/deepspeed/",
    "tests/trainer_image/worker/test_agent.py",
    "tests/trainer_image/checkpoint/test_crash.py",
)


def _shared(nodeid: str) -> str | None:
    """What a test shares with others."""
    return next((fixture for fixture, places in _SHARED.items() if nodeid.startswith(places)), None)


def _turn(nodeid: str) -> int:
    """Who begins first: those that share something, in the order of the list, then those that are long."""
    shared = _shared(nodeid)
    return list(_SHARED).index(shared) if shared else len(_SHARED) + (not nodeid.startswith(_LONG))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long groups begin first.

    Raises:
        UsageError: for a test that uses what its file is not listed for.
    """
    items.sort(key=lambda item: _turn(item.nodeid))
    for item in items:
        for fixture in _SHARED:
            if fixture in getattr(item, "fixturenames", ()) and _shared(item.nodeid) != fixture:
                msg = f"{item.nodeid} uses {fixture}: list its file for that in tests/side_by_side.py, so that one process has all who do"
                raise pytest.UsageError(msg)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """What a group shares ends with its last test: idle servers would take part of a core from all tests that come after."""
    shared = _shared(item.nodeid)
    if shared and (nextitem is None or _shared(nextitem.nodeid) != shared):
        inner: Any = item  # neither is public
        for each in inner._fixtureinfo.name2fixturedefs.get(shared, ()):
            each.finish(inner._request)  # and all that was made of it, before; whoever asks again is given a new one


class _Processes:
    """Shares the tests out."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        from xdist.scheduler import LoadScopeScheduling

        class Scheduling(LoadScopeScheduling):
            def _split_scope(self, nodeid: str) -> str:
                return _shared(nodeid) or nodeid.partition("::")[0]

        return Scheduling(config, log)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Processes())
