"""What people get wrong about S3, against a real MinIO: one clear line each, soon, and never a secret in it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from minio import time as minio_time
from tandem_objects import AccessDenied, InvalidAddress, NoSuchBucket, ObjectError, Store, StoreFull, Unreachable, open_store
from tandem_objects.address import BucketAddress
from tandem_objects.s3 import Bucket, Patience, Settings

from tests.parts.minio_server import MinioServer, serving
from tests.parts.running import free_port
from tests.parts.troubled_wire import Trouble, troubled_wire

pytestmark = pytest.mark.needs_part("minio")

READS: dict[str, Callable[[Store], object]] = {
    "get": lambda store: store.get("a"),
    "get_range": lambda store: store.get_range("a", 0, 1),
    "get_large_range": lambda store: store.get_range("a", 0, 17 << 20),
    "stat": lambda store: store.stat("a"),
    "list": lambda store: list(store.list("")),
}
WRITES: dict[str, Callable[[Store], object]] = {
    "put": lambda store: store.put("a", b"data"),
    "put_if_absent": lambda store: store.put_if_absent("new", b"data"),
    "put_large": lambda store: store.put_large("a", memoryview(bytes(17 << 20))),
    "delete": lambda store: store.delete(["a", "b"]),
}
ALL = READS | WRITES


def refusal(store: Store, call: Callable[[Store], object], kind: type[ObjectError]) -> str:
    """The one line that the call ends with."""
    with pytest.raises(kind) as caught:
        call(store)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("call", ALL.values(), ids=ALL)
def test_wrong_bucket(minio: MinioServer, call: Callable[[Store], object]) -> None:
    """A bucket that does not exist is named with its endpoint and the fix; none is ever made."""
    line = refusal(open_store("s3://no-such-bucket/run", minio.environ), call, NoSuchBucket)
    assert line.startswith(
        f"bucket 'no-such-bucket' does not exist at {minio.endpoint}: create it, or correct the address s3://no-such-bucket/"
    )
    assert not minio.client.bucket_exists("no-such-bucket")


@pytest.mark.parametrize("call", ALL.values(), ids=ALL)
def test_wrong_secret(minio: MinioServer, bucket: str, call: Callable[[Store], object]) -> None:
    """A secret that does not fit says which variable to look at, and shows none of them."""
    store = open_store(f"s3://{bucket}/run", minio.environ_of(minio.access_key, "not-the-secret"))
    line = refusal(store, call, AccessDenied)
    assert line == f"AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID at {minio.endpoint}: check both"


@pytest.mark.parametrize("call", ALL.values(), ids=ALL)
def test_wrong_key(minio: MinioServer, bucket: str, call: Callable[[Store], object]) -> None:
    """An unknown access key says so, with the endpoint where it is unknown."""
    store = open_store(f"s3://{bucket}/run", minio.environ_of("nobody", "secret"))
    assert refusal(store, call, AccessDenied) == f"AWS_ACCESS_KEY_ID is not known at {minio.endpoint}: check it and TANDEM_S3_ENDPOINT"


def test_wrong_session(minio: MinioServer, bucket: str) -> None:
    """A session token that is none says so."""
    store = open_store(f"s3://{bucket}/run", {**minio.environ, "AWS_SESSION_TOKEN": "stale"})
    assert "AWS_SESSION_TOKEN is not accepted" in refusal(store, READS["get"], AccessDenied)


@pytest.mark.parametrize("call", WRITES.values(), ids=WRITES)
def test_readers_may_not_write(minio: MinioServer, bucket: str, call: Callable[[Store], object]) -> None:
    """Credentials that may only read do read; a write names the object, the endpoint and the rights that are missing."""
    open_store(f"s3://{bucket}/run", minio.environ).put("a", b"data")
    store = open_store(f"s3://{bucket}/run", minio.new_user("readonly"))
    assert store.get("a") == b"data"
    line = refusal(store, call, AccessDenied)
    assert f"access to s3://{bucket}/run/" in line
    assert f"at {minio.endpoint} is denied: allow the owner of AWS_ACCESS_KEY_ID" in line
    assert "s3:PutObject" in line
    assert store.get("a") == b"data"


@pytest.mark.parametrize("call", READS.values(), ids=READS)
def test_writers_may_not_read(minio: MinioServer, bucket: str, call: Callable[[Store], object]) -> None:
    """Credentials that may only write do write, and are refused the rest."""
    store = open_store(f"s3://{bucket}/run", minio.new_user("writeonly"))
    store.put("a", b"data")
    assert "s3:ListBucket" in refusal(store, call, AccessDenied)


def test_deletes_tell_how_many_failed(minio: MinioServer, bucket: str) -> None:
    """A batch that is refused key by key says how many keys, and what is wrong with the first."""
    store = open_store(f"s3://{bucket}/run", minio.new_user("readonly"))
    line = refusal(store, lambda store: store.delete(["a", "b", "c"]), AccessDenied)
    assert line.startswith(f"3 objects could not be deleted; the first: access to s3://{bucket}/run/a ")


@pytest.mark.parametrize("call", ALL.values(), ids=ALL)
def test_nobody_at_the_endpoint(minio: MinioServer, call: Callable[[Store], object]) -> None:
    """An endpoint where nobody listens is named, and given up soon."""
    endpoint = f"http://127.0.0.1:{free_port()}"
    settings = Settings.of({**minio.environ, "TANDEM_S3_ENDPOINT": endpoint})
    store = Bucket(BucketAddress("bucket", ""), settings, Patience(first_s=0.2))
    line = refusal(store, call, Unreachable)
    assert line.startswith(f"{endpoint} cannot be reached for s3://bucket")
    assert line.endswith("(connection refused): check TANDEM_S3_ENDPOINT and the network")


def test_unknown_host(minio: MinioServer) -> None:
    """A host name that does not exist is told apart from a machine that is down."""
    settings = Settings.of({**minio.environ, "TANDEM_S3_ENDPOINT": "http://minio.invalid:9000"})
    store = Bucket(BucketAddress("bucket", ""), settings, Patience(first_s=0.2))
    assert "(its name is not known)" in refusal(store, READS["get"], Unreachable)


def test_not_an_object_store(minio: MinioServer) -> None:
    """Something that answers HTTP but not S3 is a wrong address, and is not asked again."""
    with troubled_wire(minio.endpoint) as wire:
        wire.trouble("GET /", Trouble.FOREIGN)
        store = open_store("s3://bucket/run", {**minio.environ, "TANDEM_S3_ENDPOINT": wire.endpoint})
        line = refusal(store, READS["get"], InvalidAddress)
        assert len(wire.requests) == 1
    assert line == f"{wire.endpoint} does not speak S3 (it answered 404 without XML): correct TANDEM_S3_ENDPOINT"


def test_tls_where_there_is_none(minio: MinioServer, bucket: str) -> None:
    """https:// to a server without TLS ends in one line that names the endpoint."""
    settings = Settings.of({**minio.environ, "TANDEM_S3_ENDPOINT": minio.endpoint.replace("http:", "https:")})
    store = Bucket(BucketAddress(bucket, ""), settings, Patience(first_s=0.2))
    assert "check TANDEM_S3_ENDPOINT" in refusal(store, READS["get"], Unreachable)


@pytest.mark.parametrize("call", ALL.values(), ids=ALL)
def test_wrong_clock(minio: MinioServer, bucket: str, monkeypatch: pytest.MonkeyPatch, call: Callable[[Store], object]) -> None:
    """A machine whose clock is an hour off is told so, rather than that its credentials are wrong."""
    monkeypatch.setattr(minio_time, "utcnow", lambda: datetime.now(UTC) - timedelta(hours=1))
    line = refusal(open_store(f"s3://{bucket}/run", minio.environ), call, AccessDenied)
    assert line == f"the clocks of this machine and of {minio.endpoint} differ too much: set them by NTP"


def test_wrong_region(minio_program: Path, tmp_path: Path) -> None:
    """A region that is not the bucket's names the variable and what the server expects."""
    with serving(minio_program, tmp_path / "drive", tmp_path / "log", region="eu-moon-1") as server:
        bucket = server.new_bucket()
        right = open_store(f"s3://{bucket}/run", {**server.environ, "AWS_REGION": "eu-moon-1"})
        assert right.put_if_absent("a", b"")
        wrong = open_store(f"s3://{bucket}/run", server.environ)
        for call in ALL.values():
            line = refusal(wrong, call, InvalidAddress)
            assert f"AWS_REGION does not fit bucket '{bucket}' at {server.endpoint}: set it" in line
            assert "eu-moon-1" in line


@pytest.mark.parametrize("method", ["put", "put_large", "put_if_absent"])
def test_full_disk(minio_program: Path, disk: Path, tmp_path: Path, method: str) -> None:
    """A server whose disk is full is StoreFull in one line; what was there still loads, and room cures it."""
    with serving(minio_program, disk, tmp_path / "log") as server:
        store = open_store(f"s3://{server.new_bucket()}/run", server.environ)
        store.put("old", b"old")
        store.put("ballast", bytes(24 << 20))
        line = refusal(store, lambda store: getattr(store, method)("new", memoryview(bytes(60 << 20))), StoreFull)
        assert line.endswith(f"does not fit: the disk or quota of {server.endpoint} is full; delete objects or add room")
        assert [info.key for info in store.list("")] == ["ballast", "old"]
        assert store.get("old") == b"old"
        store.delete(["ballast"])
        store.put("new", bytes(1 << 20))


def test_keys_too_long_with_their_prefix(minio: MinioServer, bucket: str) -> None:
    """The prefix counts towards the longest key that S3 takes, and this is known before anything is sent."""
    store = open_store(f"s3://{bucket}/{'p/' * 400}", minio.environ)
    assert "is longer than 1024 bytes" in refusal(store, lambda store: store.put("k" * 255, b""), InvalidAddress)
