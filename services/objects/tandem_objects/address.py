"""Where a store is: `file:///folder` or `s3://bucket/prefix`.

`file:` follows RFC 8089 (percent-encoded, no host but our own). `s3:` is taken literally, as every S3 tool does. Bucket
names follow the rules of S3: 3 to 63 lower-case letters, digits, dots and hyphens.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from tandem_objects.errors import InvalidAddress, ObjectError
from tandem_objects.keys import checked

_BUCKET = re.compile(r"(?!.*\.\.)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class FolderAddress:
    """A directory of this machine; absolute."""

    path: Path


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """A part of a bucket. `prefix` is empty or ends with "/"."""

    bucket: str
    prefix: str


def parse(uri: str) -> FolderAddress | BucketAddress:
    """The address that `uri` spells.

    Raises:
        InvalidAddress: Naming the value and how to write it.
    """
    scheme, separator, rest = uri.partition("://")
    if separator and scheme == "file":
        return _folder(uri, rest)
    if separator and scheme == "s3":
        return _bucket(uri, rest)
    raise _invalid(uri, "begins with neither file:// nor s3://")


def _folder(uri: str, rest: str) -> FolderAddress:
    host, _, path = rest.partition("/")
    if host not in {"", "localhost"}:
        raise _invalid(uri, f"names a host, {host!r}: a folder takes three slashes")
    if "?" in path or "#" in path:
        raise _invalid(uri, "has a '?' or '#', which must be written %3F and %23")
    decoded = Path("/", unquote(path))
    if "\0" in str(decoded) or ".." in decoded.parts:
        raise _invalid(uri, "has a '..' or a NUL in its path")
    return FolderAddress(decoded)


def _bucket(uri: str, rest: str) -> BucketAddress:
    bucket, _, prefix = rest.partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise _invalid(uri, f"has no valid bucket name, {bucket!r}: 3 to 63 lower-case letters, digits, dots and hyphens")
    prefix = prefix.rstrip("/")
    if not prefix:
        return BucketAddress(bucket, "")
    try:
        checked(prefix)
    except ObjectError as error:
        raise _invalid(uri, f"has a prefix that is no key ({error})") from error
    return BucketAddress(bucket, f"{prefix}/")


def _invalid(uri: str, problem: str) -> InvalidAddress:
    return InvalidAddress(f"store address {uri!r} {problem}; write file:///folder or s3://bucket/prefix")
