"""What an answer of S3, or the lack of one, means for the person who reads it, and whether to ask again.

Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and MinIO's own, which begin with XMinio.
"""
# ruff: noqa: N818  PreconditionFailed is S3's own name for it

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from minio.deleteobjects import DeleteError
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from tandem_objects.errors import AccessDenied, InvalidAddress, NoSuchBucket, NotFound, ObjectError, OutOfRange, StoreFull, Unreachable


class PreconditionFailed(ObjectError):
    """`If-None-Match` or `If-Match` did not hold."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a request was about, for messages."""

    uri: str
    bucket: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class _Meaning:
    kind: type[ObjectError]
    text: str
    retryable: bool | None = None


_RIGHTS = "s3:ListBucket, s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload"
_NO_KEY = _Meaning(NotFound, "{uri} does not exist: check the address and the key")
_BUCKET = _Meaning(
    NoSuchBucket, "bucket {bucket!r} does not exist at {endpoint}: create it, or correct the address {uri} or TANDEM_S3_ENDPOINT"
)
_DENIED = _Meaning(AccessDenied, "access to {uri} at {endpoint} is denied: allow the owner of AWS_ACCESS_KEY_ID " + _RIGHTS)
_TOKEN = _Meaning(AccessDenied, "AWS_SESSION_TOKEN is not accepted at {endpoint}, or has expired: get new credentials")
_FULL = _Meaning(StoreFull, "{uri} does not fit: the disk or quota of {endpoint} is full; delete objects or add room")
_REGION = _Meaning(InvalidAddress, "AWS_REGION does not fit bucket {bucket!r} at {endpoint}: set it to the bucket's region ({message})")
_CLASH = _Meaning(ObjectError, "{uri} cannot be written: one key cannot be the folder of another; use another name")
_BUSY = _Meaning(
    ObjectError, "{endpoint} could not serve {uri} just now ({code}): it is overloaded or starting; look at its log", retryable=True
)

_MEANINGS: Mapping[str, _Meaning] = {
    "AccessDenied": _DENIED,
    "AllAccessDisabled": _DENIED,
    "AuthorizationHeaderMalformed": _REGION,
    "ConditionalRequestConflict": _BUSY,
    "ExpiredToken": _TOKEN,
    "InvalidAccessKeyId": _Meaning(AccessDenied, "AWS_ACCESS_KEY_ID is not known at {endpoint}: check it and TANDEM_S3_ENDPOINT"),
    "InvalidRange": _Meaning(OutOfRange, "{uri} ends before the bytes that were asked for"),
    "InvalidToken": _TOKEN,
    "InvalidTokenId": _TOKEN,
    "NoSuchBucket": _BUCKET,
    "NoSuchKey": _NO_KEY,
    "NoSuchUpload": _Meaning(NotFound, "the upload of {uri} was removed at {endpoint} before it was whole: store it again"),
    "OperationAborted": _BUSY,
    "PermanentRedirect": _REGION,
    "PreconditionFailed": _Meaning(PreconditionFailed, "{uri} was replaced while it was being read: read it again"),
    "RequestTimeTooSkewed": _Meaning(AccessDenied, "the clocks of this machine and of {endpoint} differ too much: set them by NTP"),
    "RequestTimeout": _BUSY,
    "SignatureDoesNotMatch": _Meaning(AccessDenied, "AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID at {endpoint}: check both"),
    "XMinioAdminBucketQuotaExceeded": _FULL,
    "XMinioObjectExistsAsDirectory": _CLASH,
    "XMinioParentIsObject": _CLASH,
    "XMinioStorageFull": _FULL,
}
_TOO_MANY, _SERVER_ERROR = 429, 500  # HTTP: from the second on, the fault is the server's and may pass


def meaning(error: Exception, place: Place) -> ObjectError:
    """The one line that `error` of a request to `place` comes down to."""
    match error:
        case S3Error():
            return _spoken(error.code or "", error.message or "", error.response.status, place)
        case ServerError():
            return _spoken("", str(error), error.status_code, place)
        case InvalidResponseError():
            return _foreign(int(vars(error)["_code"]), place)  # minio-py gives no public name to the status
        case HTTPError():
            return _silent(error, place)
        case _:
            return ObjectError(f"{place.uri} at {place.endpoint}: {_one_line(error)}")


def undeleted(errors: Sequence[DeleteError], place: Place) -> ObjectError:
    """The one line for keys that a batch could not delete: how many, and what is wrong with the first."""
    first = errors[0]
    status = _SERVER_ERROR if first.code in {"InternalError", "SlowDown", "ServiceUnavailable"} else 0
    where = Place(f"s3://{place.bucket}/{first.name}", place.bucket, place.endpoint)
    why = _spoken(first.code, first.message or "", status, where)
    return type(why)(f"{len(errors)} objects could not be deleted; the first: {why}", retryable=why.retryable)


def _spoken(code: str, message: str, status: int, place: Place) -> ObjectError:
    found = _MEANINGS.get(code)
    if not found and (status >= _SERVER_ERROR or status == _TOO_MANY):
        found = _BUSY
    if not found:
        return ObjectError(f"{place.endpoint} refused {place.uri}: {code or status} {_one_line(message)}")
    text = found.text.format(uri=place.uri, bucket=place.bucket, endpoint=place.endpoint, code=code or status, message=_one_line(message))
    return found.kind(text, retryable=found.retryable)


def _foreign(status: int, place: Place) -> ObjectError:
    if status >= _SERVER_ERROR:
        return Unreachable(f"{place.endpoint} answered {status}: something in front of it is out of order; try again later")
    return InvalidAddress(f"{place.endpoint} does not speak S3 (it answered {status} without XML): correct TANDEM_S3_ENDPOINT")


def _silent(error: HTTPError, place: Place) -> ObjectError:
    cause = error.args[0] if error.args else None
    if isinstance(error, SSLError) and isinstance(cause, ssl.SSLCertVerificationError):
        return InvalidAddress(f"the certificate of {place.endpoint} is not trusted ({cause.verify_message}): name its CA in SSL_CERT_FILE")
    return Unreachable(f"{place.endpoint} cannot be reached for {place.uri} ({_how(error)}): check TANDEM_S3_ENDPOINT and the network")


def _how(error: HTTPError) -> str:
    match error:
        case NameResolutionError():
            return "its name is not known"
        case NewConnectionError():  # before the time-out, of which urllib3 makes it a kind
            return "connection refused"
        case ConnectTimeoutError() | ReadTimeoutError():
            return "no answer in time"
        case _:
            return f"connection lost: {_one_line(error)}"


def _one_line(what: Exception | MinioException | str) -> str:
    return " ".join(str(what).split())
