"""Stores, and a ledger to take snapshots of."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tandem_objects import Store, open_store
from tandem_reasoning.ledger import Ledger

from tests.parts.minio_server import MinioServer
from tests.services.reasoning.keeping.taking import CAP, RUN
from tests.services.reasoning.ledger.asking import call, claim, complete, load, reserve, settle


@pytest.fixture(params=["file", pytest.param("s3", marks=pytest.mark.needs_part("minio"))])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty one."""
    if request.param == "file":
        return open_store((tmp_path / "store").as_uri(), os.environ)
    server: MinioServer = request.getfixturevalue("minio")
    return open_store(f"s3://{server.new_bucket()}/runs", server.environ)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "ledger.sqlite"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    """One answered question, one that a worker has with a call in the air, one that nobody has."""
    made = Ledger(path, run=RUN, cap_nano=CAP)
    load(made, "a", "b", "c")
    (first, _) = claim(made, 2)
    settle(made, reserve(made, first.hold, "a/1"), call("a/1", "a"))
    made.do(complete(first.hold), now=1)
    yield made
    made.close()
