"""What only S3 has: answers that get lost, uploads that break off, and servers that are too busy."""

import subprocess
import sys
from collections.abc import Generator
from dataclasses import replace

import pytest
from tandem_objects import NotFound, ObjectError, Unreachable
from tandem_objects.address import BucketAddress
from tandem_objects.s3 import Bucket, Patience, Settings

from tests.parts.minio_server import MinioServer
from tests.parts.troubled_wire import Trouble, Wire, troubled_wire

pytestmark = pytest.mark.needs_part("minio")

MIB = 1 << 20
LARGE = memoryview(bytes(range(256)) * (20 * MIB // 256))  # three parts
PASSING = [Trouble.LOST_REQUEST, Trouble.LOST_ANSWER, Trouble.HALF_ANSWER, Trouble.SILENCE, Trouble.BUSY]
PATIENT = Patience(first_s=300, total_s=300, silence_s=0.5, pause_s=0.01)
HASTY = Patience(first_s=1, total_s=1, connect_s=30, silence_s=30, pause_s=0.01)
CALM = Patience(first_s=300, total_s=300, connect_s=300, silence_s=300, pause_s=0.01)


@pytest.fixture
def wire(minio: MinioServer) -> Generator[Wire]:
    with troubled_wire(minio.endpoint) as wire:
        yield wire


@pytest.fixture
def own_bucket(minio: MinioServer) -> str:
    return minio.new_bucket()


@pytest.fixture
def store(minio: MinioServer, own_bucket: str, wire: Wire) -> Bucket:
    """A store behind the wire, which soon asks again and does not give up."""
    return Bucket(BucketAddress(own_bucket, "run/"), settings(minio, wire), PATIENT)


@pytest.fixture
def hasty(minio: MinioServer, own_bucket: str, wire: Wire) -> Bucket:
    """The same store, which waits for an answer, but soon gives up to ask again."""
    return Bucket(BucketAddress(own_bucket, "run/"), settings(minio, wire), HASTY)


@pytest.fixture
def calm(minio: MinioServer, own_bucket: str, wire: Wire) -> Bucket:
    """The same store, which waits as long as it takes: it asks again only where a connection breaks."""
    return Bucket(BucketAddress(own_bucket, "run/"), settings(minio, wire), CALM)


def settings(minio: MinioServer, wire: Wire) -> Settings:
    return Settings.of({**minio.environ, "TANDEM_S3_ENDPOINT": wire.endpoint})


def uploads(minio: MinioServer, bucket: str, name: str) -> int:
    """Multipart uploads that were begun and neither completed nor aborted. MinIO lists them by whole names only."""
    return len(minio.client._list_multipart_uploads(bucket, prefix=name).uploads)


@pytest.mark.parametrize("trouble", PASSING)
def test_every_request_survives_trouble(store: Bucket, wire: Wire, trouble: Trouble) -> None:
    """Whatever befalls a request or its answer once or twice, the operation does what it should."""
    wire.trouble("PUT /", trouble, trouble)
    store.put("a", b"data")
    wire.trouble("GET /", trouble, trouble)
    assert store.get("a") == b"data"
    wire.trouble("GET /", trouble)
    assert store.get_range("a", 1, 2) == b"at"
    wire.trouble("HEAD /", trouble)
    assert store.stat("a")
    wire.trouble("GET /", trouble)
    assert [info.key for info in store.list("")] == ["a"]
    wire.trouble("POST /", trouble)
    store.delete(["a"])
    assert store.stat("a") is None


@pytest.mark.parametrize("trouble", PASSING)
def test_a_commit_knows_its_own_work(store: Bucket, wire: Wire, trouble: Trouble) -> None:
    """A commit that was carried out, but whose answer was lost, is True; nobody else's ever is, whatever its content."""
    wire.trouble("PUT /", trouble, trouble)
    assert store.put_if_absent("manifest", b"same")
    wire.trouble("PUT /", trouble, trouble)
    assert not store.put_if_absent("manifest", b"same")
    wire.trouble("PUT /", trouble)
    wire.trouble("HEAD /", trouble)
    assert store.put_if_absent("another", b"same")


@pytest.mark.parametrize("trouble", PASSING)
@pytest.mark.parametrize("request_line", ["POST /{}?uploads=", "partNumber=2", "partNumber=3", "?uploadId="])
def test_large_objects_survive_trouble(store: Bucket, wire: Wire, trouble: Trouble, request_line: str) -> None:
    """Whichever step of a parallel upload is lost or answered in vain, the object is whole in the end."""
    wire.trouble(request_line.format(store.address("large").removeprefix("s3://")), trouble)
    store.put_large("large", LARGE)
    assert trouble not in [left for _, left in wire.troubles]
    wire.trouble("GET /", trouble)
    out = memoryview(bytearray(len(LARGE)))
    store.get_range_into("large", 0, out)
    assert out == LARGE


def test_a_failed_upload_leaves_nothing(hasty: Bucket, minio: MinioServer, own_bucket: str, wire: Wire) -> None:
    """When a part cannot be sent in time, the upload is aborted: no object, no listing, no parts that cost money."""
    wire.trouble("partNumber=2", *[Trouble.LOST_REQUEST] * 100)
    with pytest.raises(Unreachable) as caught:
        hasty.put_large("large", LARGE)
    assert "\n" not in str(caught.value)
    assert caught.value.retryable
    assert [info.key for info in hasty.list("")] == []
    assert hasty.stat("large") is None
    assert uploads(minio, own_bucket, "run/large") == 0


def test_a_failed_upload_keeps_the_old_object(store: Bucket, hasty: Bucket, wire: Wire) -> None:
    """Replacing a large object by one that cannot be sent leaves the old one whole."""
    store.put_large("large", LARGE)
    wire.trouble("partNumber=1", *[Trouble.LOST_REQUEST] * 100)
    with pytest.raises(Unreachable):
        hasty.put_large("large", memoryview(bytes(17 * MIB)))
    assert store.get("large") == LARGE


def test_an_upload_that_cannot_even_be_aborted(hasty: Bucket, wire: Wire) -> None:
    """The error stays the first one; that parts may be left is noted on it."""
    wire.trouble("partNumber=2", *[Trouble.LOST_REQUEST] * 100)
    wire.trouble("DELETE /", Trouble.LOST_REQUEST)
    with pytest.raises(Unreachable) as caught:
        hasty.put_large("large", LARGE)
    assert any("expires incomplete uploads" in note for note in caught.value.__notes__)


def test_an_upload_that_the_server_forgot(calm: Bucket, minio: MinioServer, own_bucket: str, wire: Wire) -> None:
    """An upload that was removed at the server before it was complete is an error, not an object."""
    wire.trouble("?uploadId=", Trouble.LOST_LATE)
    wire.meanwhile = lambda: [
        minio.client._abort_multipart_upload(own_bucket, "run/large", str(upload.upload_id))
        for upload in minio.client._list_multipart_uploads(own_bucket, prefix="run/large").uploads
    ]
    with pytest.raises(NotFound, match=r"was removed at .* before it was whole: store it again"):
        calm.put_large("large", LARGE)
    assert calm.stat("large") is None


UPLOADS = """
import os, sys
from tandem_objects import open_store
open_store(sys.argv[1], os.environ).put_large("large", memoryview(bytes(20 << 20)))
"""


def test_a_killed_upload_is_not_listed(store: Bucket, minio: MinioServer, wire: Wire) -> None:
    """An uploader that is killed between two parts has stored nothing that anybody can see; the next one succeeds."""
    wire.trouble("partNumber=2", Trouble.SILENCE)
    environ = {**minio.environ, "TANDEM_S3_ENDPOINT": wire.endpoint}
    with subprocess.Popen([sys.executable, "-c", UPLOADS, store.uri], env=environ) as uploader:
        wire.wait_for("partNumber=2")
        uploader.kill()
    assert list(store.list("")) == []
    assert store.stat("large") is None
    store.put_large("large", LARGE)
    assert store.get("large") == LARGE


def test_an_object_replaced_while_it_is_read(calm: Bucket, wire: Wire) -> None:
    """Parts of a large read are all of one version, or the read fails: a mixture is never returned."""
    calm.put_large("large", LARGE)
    wire.trouble("GET /", Trouble.LOST_LATE)
    wire.meanwhile = lambda: calm.put_large("large", memoryview(bytes(len(LARGE))))
    with pytest.raises(ObjectError, match="was replaced while it was being read: read it again"):
        calm.get_range_into("large", 0, memoryview(bytearray(len(LARGE))))


def test_a_slow_server_is_given_up(minio: MinioServer, own_bucket: str, wire: Wire) -> None:
    """A server that never answers is left after the time that was set, with one line that names it."""
    hasty = Bucket(BucketAddress(own_bucket, "run/"), settings(minio, wire), replace(HASTY, silence_s=0.5))
    wire.trouble("GET /", *[Trouble.SILENCE] * 100)
    with pytest.raises(Unreachable, match=rf"^{wire.endpoint} cannot be reached for s3://\S+/run/a \(no answer in time\): check TANDEM"):
        hasty.get("a")
    assert 1 <= len(wire.requests) < 10


def test_a_slow_link_is_not_a_dead_one(minio: MinioServer, own_bucket: str, wire: Wire) -> None:
    """A request may take longer than any time-out as long as it moves: else none of them would ever be through."""
    patience = Patience(first_s=60, connect_s=0.5, pause_s=0.01)
    store = Bucket(BucketAddress(own_bucket, ""), settings(minio, wire), patience)
    wire.trouble("PUT /", *[Trouble.SLOW] * 1000)
    store.put("a", LARGE)


def test_patience_grows_with_the_first_answer(minio: MinioServer, own_bucket: str, wire: Wire) -> None:
    """An endpoint that has never answered is given up soon; one that has, were it only by "no such object", is waited for."""
    patience = replace(CALM, first_s=0.2)
    store = Bucket(BucketAddress(own_bucket, ""), settings(minio, wire), patience)
    wire.trouble("GET /", *[Trouble.LOST_REQUEST] * 12)
    with pytest.raises(Unreachable):
        store.get("a")
    wire.troubles.clear()
    with pytest.raises(NotFound):
        store.get("a")
    wire.trouble("PUT /", *[Trouble.LOST_REQUEST] * 7)  # pauses add up to more than a second
    store.put("a", b"")


def test_a_busy_server_is_named(hasty: Bucket, wire: Wire) -> None:
    """A server that stays too busy is told apart from one that is not there, and may be asked again later."""
    wire.trouble("PUT /", *[Trouble.BUSY] * 100)
    with pytest.raises(ObjectError, match=rf"^{wire.endpoint} could not serve s3://\S+/run/a just now \(SlowDown\)") as caught:
        hasty.put("a", b"")
    assert caught.value.retryable


def test_a_mistake_is_not_repeated(calm: Bucket, wire: Wire) -> None:
    """What can never succeed is asked once."""
    with pytest.raises(NotFound):
        calm.get("none")
    assert len(wire.requests) == 1


def test_small_objects_take_one_request(calm: Bucket, wire: Wire) -> None:
    """Put, conditional put, get, range and a listing cost one request each: latency is what checkpoints wait for."""
    calm.put("a", b"data")
    calm.put_if_absent("b", b"data")
    calm.get("a")
    calm.get_range("a", 1, 2)
    list(calm.list(""))
    assert len(wire.requests) == 5
