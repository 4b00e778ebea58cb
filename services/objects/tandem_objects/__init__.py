"""One client for a directory and for S3: whole objects or none, put-if-absent as the commit primitive, ranged reads."""

from tandem_objects.errors import (
    AccessDenied,
    InvalidAddress,
    NoSuchBucket,
    NotFound,
    ObjectError,
    OutOfRange,
    StoreFull,
    Unreachable,
)
from tandem_objects.open import open_store
from tandem_objects.store import ObjectInfo, Store

__all__ = [
    "AccessDenied",
    "InvalidAddress",
    "NoSuchBucket",
    "NotFound",
    "ObjectError",
    "ObjectInfo",
    "OutOfRange",
    "Store",
    "StoreFull",
    "Unreachable",
    "open_store",
]
