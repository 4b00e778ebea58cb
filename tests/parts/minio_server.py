"""MinIO, built from its source at a pinned commit: upstream has published no binaries since October 2025."""

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import urllib3
from minio import Minio, MinioAdmin
from minio.credentials.providers import StaticProvider
from minio.error import MinioException

from tests.parts import go
from tests.parts.part import Part, environ_for
from tests.parts.running import free_port, running

MINIO = Part(
    name="minio",
    version="v0.0.0-20260212201848-7aac2a2c5b7c",
    program="minio",
    make=partial(go.install, "github.com/minio/minio"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MinioServer:
    """A running MinIO and its owner's credentials."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = ""

    @property
    def environ(self) -> dict[str, str]:
        """What `open_store` wants to know, as the owner."""
        return self.environ_of(self.access_key, self.secret_key)

    def environ_of(self, access_key: str, secret_key: str) -> dict[str, str]:
        """What `open_store` wants to know, as somebody else."""
        return {"TANDEM_S3_ENDPOINT": self.endpoint, "AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key}

    @property
    def client(self) -> Minio:
        """Plain minio-py, as the owner."""
        return self.client_with(None)

    def client_with(self, pool: urllib3.PoolManager | None) -> Minio:
        """Plain minio-py over these connections."""
        return Minio(self._host, self.access_key, self.secret_key, secure=False, region=self.region or None, http_client=pool)

    @property
    def admin(self) -> MinioAdmin:
        """The owner's rights over users, policies and quotas."""
        return MinioAdmin(endpoint=self._host, credentials=StaticProvider(self.access_key, self.secret_key), secure=False)

    def new_bucket(self) -> str:
        """The name of a bucket of its own."""
        name = f"tandem-{secrets.token_hex(6)}"
        self.client.make_bucket(name)
        return name

    def new_user(self, policy: str) -> dict[str, str]:
        """What `open_store` wants to know, as a new user who has only the rights of a built-in policy."""
        access_key, secret_key = f"user-{secrets.token_hex(4)}", secrets.token_hex(16)
        self.admin.user_add(access_key, secret_key)
        self.admin.policy_set(policy, user=access_key)
        return self.environ_of(access_key, secret_key)

    @property
    def _host(self) -> str:
        return self.endpoint.removeprefix("http://")


@contextmanager
def serving(program: Path, folder: Path, log: Path, region: str = "", again: MinioServer | None = None) -> Generator[MinioServer]:
    """A MinIO that keeps its objects in `folder`, with credentials of its own; in `region`, if not in any.

    With `again` it is the one that served the folder before, at the same address.
    """
    server = again or _new(region)
    settings = {
        "MINIO_ROOT_USER": server.access_key,
        "MINIO_ROOT_PASSWORD": server.secret_key,
        "MINIO_SITE_REGION": server.region,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
    }
    environ = environ_for(MINIO, settings)
    address = server.endpoint.removeprefix("http://")
    with running([str(program), "server", "--address", address, str(folder)], environ=environ, log=log, ready=partial(_ready, server)):
        yield server


def _new(region: str) -> MinioServer:
    owner, secret = f"owner-{secrets.token_hex(4)}", secrets.token_hex(16)
    return MinioServer(endpoint=f"http://127.0.0.1:{free_port()}", access_key=owner, secret_key=secret, region=region)


def _ready(server: MinioServer) -> bool:
    """Whether it serves its owner. Its health check says so a little earlier, and requests in between are put off for 60 s."""
    try:
        server.client_with(urllib3.PoolManager(retries=False, timeout=5)).list_buckets()
    except (urllib3.exceptions.HTTPError, MinioException):
        return False
    return True
