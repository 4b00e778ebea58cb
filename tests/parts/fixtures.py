"""pytest plugin: the real parts as fixtures, and what the summary says when one is missing."""

import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.parts import cassandra_cluster
from tests.parts.cassandra_cluster import CassandraCluster
from tests.parts.cassandra_jars import CASSANDRA
from tests.parts.minio_server import MINIO, MinioServer, serving
from tests.parts.part import Missing, Part, obtain, required
from tests.parts.small_disk import small_disk

_MISSING = pytest.StashKey[dict[str, str]]()


@contextmanager
def needing(name: str, config: pytest.Config) -> Generator[None]:
    """Within it, `Missing` means: the asking test skips, or fails under CI; and the summary tells why."""
    try:
        yield
    except Missing as reason:
        config.stash.setdefault(_MISSING, {})[name] = str(reason)
        if required(os.environ):
            pytest.fail(str(reason), pytrace=False)
        pytest.skip(str(reason))


def program(part: Part, config: pytest.Config) -> Path:
    """The part's executable."""
    with needing(part.name, config):
        return obtain(part, os.environ, lambda line: say(config, line))


@pytest.fixture(scope="session")
def minio_program(request: pytest.FixtureRequest) -> Path:
    return program(MINIO, request.config)


@pytest.fixture(scope="session")
def minio(minio_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[MinioServer]:
    folder = tmp_path_factory.mktemp("minio")
    with serving(minio_program, folder / "drive", folder / "log") as server:
        yield server


@pytest.fixture(scope="session")
def cassandra(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[CassandraCluster]:
    """Three nodes, which a test may kill or pause, and must bring back."""
    jars = program(CASSANDRA, request.config)
    with cassandra_cluster.serving(jars, tmp_path_factory.mktemp("cassandra")) as cluster:
        yield cluster


@pytest.fixture
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Path]:
    """A disk of 64 MiB."""
    with ExitStack() as stack:
        with needing("small disk", request.config):
            folder = stack.enter_context(small_disk(tmp_path / "disk", 64))
        yield folder


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process that runs a part of the tests hands on what it misses."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["missing"] = session.config.stash.get(_MISSING, {})


class _Workers:
    """Hears what such processes miss."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        node.config.stash.setdefault(_MISSING, {}).update(getattr(node, "workeroutput", {}).get("missing", {}))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Workers())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say once for each missing part how to get it."""
    for name, reason in config.stash.get(_MISSING, {}).items():
        terminalreporter.section(f"missing part: {name}")
        terminalreporter.line(reason)


def say(config: pytest.Config, line: str) -> None:
    """Print a line past pytest's capture: a build takes minutes."""
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\n{line}", end="", flush=True)
