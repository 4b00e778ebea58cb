"""A store in a part of a bucket: MinIO, AWS, or anything else that speaks S3 with conditional writes.

An answer can get lost on the way, and the request is then sent again. S3 refuses what it has done already: the object
exists, the upload is gone. So these requests carry a mark, random for each call, which the object keeps as metadata. It
tells our own work from somebody else's, whatever the contents are.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TypeVar

from minio.datatypes import Object
from minio.deleteobjects import DeleteObject

from tandem_objects.address import BucketAddress
from tandem_objects.errors import NotFound, ObjectError, OutOfRange
from tandem_objects.keys import checked, checked_prefix
from tandem_objects.s3 import failures
from tandem_objects.s3.client import PAGE, PARALLEL, Client
from tandem_objects.s3.patience import Asker, Patience
from tandem_objects.s3.settings import Settings
from tandem_objects.s3.side_by_side import LARGE, all_of, cut
from tandem_objects.store import ObjectInfo

T = TypeVar("T")

_MARK = "x-amz-meta-tandem-put"


class Bucket:
    """`Store` below a prefix of a bucket."""

    def __init__(self, address: BucketAddress, settings: Settings, patience: Patience | None = None) -> None:
        patience = patience or Patience()
        self._bucket, self._prefix = address.bucket, address.prefix
        self._endpoint = settings.endpoint
        self._client = Client(settings, patience)
        self._asker = Asker(patience)
        self._executor = ThreadPoolExecutor(PARALLEL, thread_name_prefix="tandem-objects")
        self._bucket_exists = False

    def __repr__(self) -> str:
        return f"Bucket({self.uri!r} at {self._endpoint})"

    @property
    def uri(self) -> str:
        """`s3://bucket/prefix`."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def address(self, key: str) -> str:
        """The object's own `s3://` address."""
        return f"s3://{self._bucket}/{self._name(key)}"

    def put(self, key: str, data: bytes | memoryview) -> None:
        """PutObject."""
        self._put(key, memoryview(data).cast("B"), {})

    def put_if_absent(self, key: str, data: bytes | memoryview) -> bool:
        """PutObject with `If-None-Match: *`."""
        mark = _new_mark()
        try:
            self._put(key, memoryview(data).cast("B"), {"If-None-Match": "*", _MARK: mark})
        except failures.PreconditionFailed:
            return self._mark(key) == mark
        return True

    def put_large(self, key: str, data: memoryview) -> None:
        """A multipart upload, its parts side by side. If it fails, it is aborted and no part of it stays."""
        data = data.cast("B")
        if len(data) <= LARGE:
            self.put(key, data)
            return
        name, mark = self._name(key), _new_mark()
        upload = self._ask(key, self._client.begin_upload, self._bucket, name, {_MARK: mark})
        try:
            self._upload(key, upload, data, mark)
        except BaseException as error:
            self._abort(name, upload, error)
            raise

    def get(self, key: str) -> bytes:
        """GetObject."""
        return self._ask(key, self._client.read, self._bucket, self._name(key))

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """GetObject with a range."""
        out = bytearray(length)
        self.get_range_into(key, start, memoryview(out))
        return bytes(out)

    def get_range_into(self, key: str, start: int, out: memoryview) -> None:
        """GetObject with a range, or several side by side, all of the same version of the object."""
        out = out.cast("B")
        if 0 < len(out) <= LARGE:
            self._fill(key, start, out, {})
            return
        found = self._found(key)
        if start + len(out) > (found.size or 0):
            raise self._ends_early(key, start, len(out))
        same = {"If-Match": f'"{found.etag}"'}
        all_of(self._executor, [partial(self._fill, key, start + part.start, out[part], same) for part in cut(len(out))])

    def stat(self, key: str) -> ObjectInfo | None:
        """HeadObject."""
        try:
            return self._info(self._found(key))
        except NotFound:
            return None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """ListObjectsV2, a page at a time."""
        checked_prefix(prefix)
        page = self._page(f"{self._prefix}{prefix}", None)
        yield from map(self._info, page)
        while len(page) == PAGE:
            page = self._page(f"{self._prefix}{prefix}", page[-1].object_name)
            yield from map(self._info, page)

    def delete(self, keys: Iterable[str]) -> None:
        """DeleteObjects, a thousand at a time."""
        names = map(self._name, keys)
        while batch := list(islice(names, PAGE)):
            self._asker(partial(self._delete, batch), self._place(self.uri))

    def _name(self, key: str) -> str:
        return f"{self._prefix}{checked(key, under=self._prefix)}"

    def _place(self, uri: str) -> failures.Place:
        return failures.Place(uri, self._bucket, self._endpoint)

    def _ask(self, key: str, request: Callable[..., T], *arguments: object) -> T:
        return self._asker(partial(request, *arguments), self._place(self.address(key)))

    def _put(self, key: str, data: memoryview, headers: Mapping[str, str]) -> None:
        self._ask(key, self._client.put, self._bucket, self._name(key), data, headers)

    def _upload(self, key: str, upload: str, data: memoryview, mark: str) -> None:
        name = self._name(key)
        send = partial(self._ask, key, self._client.upload_part, self._bucket, name, upload)
        parts = all_of(self._executor, [partial(send, number, data[part]) for number, part in enumerate(cut(len(data)), start=1)])
        try:
            self._ask(key, self._client.complete_upload, self._bucket, name, upload, parts)
        except NotFound:
            if self._mark(key) != mark:
                raise

    def _abort(self, name: str, upload: str, because: BaseException) -> None:
        try:
            self._client.abort_upload(self._bucket, name, upload)
        except Exception as error:  # noqa: BLE001  the first error is the one to tell
            because.add_note(f"Parts of s3://{self._bucket}/{name} stay until {self._endpoint} expires incomplete uploads: {error}")

    def _mark(self, key: str) -> str | None:
        """The mark of the object as it stands, if it has one."""
        try:
            found = self._found(key)
        except NotFound:
            return None
        return (found.metadata or {}).get(_MARK)

    def _fill(self, key: str, start: int, out: memoryview, headers: Mapping[str, str]) -> None:
        if not self._ask(key, self._client.read_into, self._bucket, self._name(key), start, out, headers):
            raise self._ends_early(key, start, len(out))

    def _found(self, key: str) -> Object:
        """HeadObject. Its errors have no text, so the bucket is asked as well for what they mean."""
        try:
            return self._ask(key, self._client.stat_object, self._bucket, self._name(key))
        except ObjectError as error:
            if not (error.retryable or (self._bucket_exists and isinstance(error, NotFound))):
                self._page(self._name(key), None)
                self._bucket_exists = True
            raise

    def _page(self, prefix: str, last: str | None) -> Sequence[Object]:
        return self._asker(partial(self._client.page, self._bucket, prefix, last), self._place(f"s3://{self._bucket}/{prefix}"))

    def _delete(self, names: Sequence[str]) -> None:
        errors = list(self._client.remove_objects(self._bucket, map(DeleteObject, names)))
        if errors:
            raise failures.undeleted(errors, self._place(self.uri))

    def _info(self, found: Object) -> ObjectInfo:
        assert found.object_name is not None
        assert found.last_modified is not None
        key = found.object_name.removeprefix(self._prefix)
        return ObjectInfo(key=key, bytes=found.size or 0, modified=found.last_modified)

    def _ends_early(self, key: str, start: int, length: int) -> ObjectError:
        return OutOfRange(f"{self.address(key)} ends before byte {start + length}, which was asked for")


def _new_mark() -> str:
    return secrets.token_hex(16)
