"""minio-py with what Tandem needs beside its public methods: conditional puts, and the steps of a multipart upload.

minio-py 7.2 has no parameter for `If-None-Match`, and its own multipart upload reads streams, which copies, and gives no
hold on retries. `Minio` offers every S3 call as a protected method; this subclass is the one place that uses them.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, cast

import certifi
from minio import Minio
from minio.credentials.providers import StaticProvider
from minio.datatypes import Object, Part
from minio.error import ServerError
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import IncompleteRead

from tandem_objects.errors import InvalidAddress
from tandem_objects.s3.patience import Patience
from tandem_objects.s3.settings import Settings

PARALLEL = 8  # requests of one store at once; S3 gives 80-90 MB/s to each (AWS, "Performance guidelines for Amazon S3")
_KEPT_CONNECTIONS = 4 * PARALLEL  # those, and those of callers with threads of their own
PAGE = 1000  # the most that S3 lists or deletes in one request
_SENT = 1 << 18  # bytes handed to a connection at once; each has `connect_s` to leave
_READ = 1 << 20


class Client(Minio):
    """A connection to S3. Headers passed in are left alone."""

    def __init__(self, settings: Settings, patience: Patience) -> None:
        pool = _Pool(
            maxsize=_KEPT_CONNECTIONS,
            timeout=Timeout(connect=patience.connect_s, read=patience.silence_s),
            retries=False,  # `Asker` is the one place that repeats
            cert_reqs="CERT_REQUIRED",
            ca_certs=settings.authorities or certifi.where(),
        )
        credentials = StaticProvider(settings.access_key, settings.secret_key, settings.session_token)
        try:
            super().__init__(settings.host, secure=settings.encrypted, region=settings.region, credentials=credentials, http_client=pool)
        except ValueError as error:  # minio-py knows how AWS names its hosts and regions
            msg = f"TANDEM_S3_ENDPOINT {settings.endpoint!r} with AWS_REGION {settings.region!r} cannot be: {error}; correct them"
            raise InvalidAddress(msg) from error

    def put(self, bucket: str, name: str, data: memoryview, headers: Mapping[str, str]) -> None:
        """PutObject in one request; `headers` may hold conditions."""
        self._put_object(bucket, name, _body(data), dict(headers))

    def read(self, bucket: str, name: str) -> bytes:
        """GetObject, whole."""
        with _answer(self.get_object(bucket, name)) as response:
            return response.read()

    def read_into(self, bucket: str, name: str, start: int, out: memoryview, headers: Mapping[str, str]) -> bool:
        """GetObject from byte `start` on, until `out` is full; False if the object ends before. `headers` may hold conditions."""
        with _answer(self.get_object(bucket, name, start, len(out), request_headers=dict(headers))) as response:
            if int(response.headers["Content-Length"]) != len(out):
                response.close()
                return False
            at = 0
            while read := response.readinto(out[at : at + _READ]):
                at += read
            if at < len(out):
                raise IncompleteRead(at, len(out) - at)
        return True

    def page(self, bucket: str, prefix: str, last: str | None) -> list[Object]:
        """ListObjectsV2: the first objects after the name `last`, as many as one answer holds."""
        return list(islice(self.list_objects(bucket, prefix, recursive=True, start_after=last), PAGE))

    def begin_upload(self, bucket: str, name: str, headers: Mapping[str, str]) -> str:
        """CreateMultipartUpload; its id."""
        return self._create_multipart_upload(bucket, name, dict(headers))

    def upload_part(self, bucket: str, name: str, upload: str, number: int, data: memoryview) -> Part:
        """UploadPart, counted from 1."""
        return Part(number, self._upload_part(bucket, name, _body(data), None, upload, number))

    def complete_upload(self, bucket: str, name: str, upload: str, parts: Sequence[Part]) -> None:
        """CompleteMultipartUpload: now the object is there."""
        result = self._complete_multipart_upload(bucket, name, upload, list(parts))
        if result.etag is None:  # S3 may begin its answer with 200 and find out later that it cannot
            msg = "completing an upload failed after its answer had begun"
            raise ServerError(msg, 500)

    def abort_upload(self, bucket: str, name: str, upload: str) -> None:
        """AbortMultipartUpload: its parts are deleted."""
        self._abort_multipart_upload(bucket, name, upload)


@contextmanager
def _answer(response: BaseHTTPResponse) -> Generator[BaseHTTPResponse]:
    """Give the connection back once the answer is read; else close it, or the rest would be taken for the next answer."""
    try:
        yield response
    except BaseException:
        response.close()
        raise
    response.release_conn()


class _Pool(PoolManager):
    """Sends bodies in pieces: a timeout is then about a connection that stands still, not about one that is slow."""

    def urlopen(self, method: str, url: str, redirect: bool = True, **kw: Any) -> BaseHTTPResponse:  # noqa: ANN401, FBT001, FBT002  as in urllib3
        body = kw.get("body")
        if body:
            kw["body"] = _pieces(memoryview(body))
        return super().urlopen(method, url, redirect, **kw)


def _pieces(data: memoryview) -> Iterator[memoryview]:
    return (data[at : at + _SENT] for at in range(0, len(data), _SENT))


def _body(data: memoryview) -> bytes:
    """A view where minio-py writes `bytes`: it hashes, measures and hands on, all of which a view allows, without a copy."""
    return cast("bytes", data)
