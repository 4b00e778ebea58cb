"""The two stores, each as a factory of new and empty ones."""

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from tandem_objects import Store, open_store

from tests.parts.minio_server import MinioServer

NewStore = Callable[[], Store]
S3 = pytest.param("s3", marks=pytest.mark.needs_part("minio"))


@pytest.fixture(scope="session")
def bucket(minio: MinioServer) -> str:
    return minio.new_bucket()


@pytest.fixture(params=["directory", S3])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> NewStore:
    """A new store of the kind, whose address is new on each call."""

    def directory() -> Store:
        return open_store((tmp_path / secrets.token_hex(4)).as_uri(), {})

    def s3() -> Store:
        server: MinioServer = request.getfixturevalue("minio")
        return open_store(f"s3://{request.getfixturevalue('bucket')}/{secrets.token_hex(4)}", server.environ)

    return directory if request.param == "directory" else s3


@pytest.fixture
def store(new_store: NewStore) -> Store:
    return new_store()


@pytest.fixture
def again(store: Store, request: pytest.FixtureRequest) -> Store:
    """The same store, opened a second time as another process would."""
    environ = request.getfixturevalue("minio").environ if store.uri.startswith("s3:") else {}
    return open_store(store.uri, environ)
