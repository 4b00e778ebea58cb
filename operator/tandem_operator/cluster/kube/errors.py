"""What the API server can answer instead of what was asked for, and what each answer means for the one who asked."""

import json
from collections.abc import Mapping
from typing import Any, Final, cast

_UNANSWERED: Final = 0
_UNSENT: Final = "Unreachable"
_TOO_MANY: Final = 429


class KubeError(Exception):
    """A request that failed.

    Attributes:
        status: The HTTP status; 0 when there was no answer at all.
        reason: The API's one word, such as AlreadyExists.
        retry_after_s: How long the server asks to be left alone.
    """

    def __init__(self, status: int, reason: str, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status, self.reason, self.retry_after_s = status, reason, retry_after_s

    @classmethod
    def unanswered(cls, error: Exception, *, sent: bool = True) -> "KubeError":
        """There was no answer, so nobody knows whether the request was carried out; one that was not even `sent` was not."""
        reason = "Unanswered" if sent else _UNSENT
        return cls(_UNANSWERED, reason, f"the API server cannot be reached: {type(error).__name__} {error}".rstrip())

    @classmethod
    def answered(cls, status: int, headers: Mapping[str, str], body: bytes) -> "KubeError":
        """The error that an answer is; a Status object, if the server itself wrote it."""
        try:
            found = json.loads(body)
        except ValueError:
            found = None
        said = cast("dict[str, Any]", found) if isinstance(found, dict) else {}  # a proxy on the way says it in its own words
        wait = headers.get("Retry-After", "")
        message = str(said.get("message") or body[:200].decode(errors="replace") or f"status {status}")
        return cls(status, str(said.get("reason", "")), message, float(wait) if wait.isdecimal() else None)

    @property
    def silent(self) -> bool:
        """Whether there was no answer at all."""
        return self.status == _UNANSWERED

    @property
    def uncertain(self) -> bool:
        """Whether the request may have been carried out all the same: nobody answered, or something failed on the way."""
        return self.reason != _UNSENT and (self.silent or self.status >= 500)  # noqa: PLR2004 - HTTP

    @property
    def gone(self) -> bool:
        """Whether what was asked about does not exist (any more)."""
        return self.status == 404  # noqa: PLR2004 - HTTP

    @property
    def conflict(self) -> bool:
        """Whether the object is another than the one that was looked at, or exists already."""
        return self.status == 409  # noqa: PLR2004 - HTTP

    @property
    def exists(self) -> bool:
        """Whether what was to be created is there already. A quota that was counted meanwhile is a conflict, too (kubernetes#67761)."""
        return self.conflict and self.reason == "AlreadyExists"

    @property
    def expired(self) -> bool:
        """Whether the server has forgotten the version that was asked for."""
        return self.status == 410 or self.reason == "Expired"  # noqa: PLR2004 - HTTP

    @property
    def refused(self) -> bool:
        """Whether the server understood and will not, until something else changes: invalid, forbidden, over quota."""
        return self.status in {400, 403, 405, 422}

    @property
    def passing(self) -> bool:
        """Whether the same request may be answered otherwise in a while: there are too many, or the server is in trouble."""
        return self.status == _TOO_MANY or self.status >= 500  # noqa: PLR2004 - HTTP

    @property
    def postponed(self) -> bool:
        """Whether the server asks to come again later: it has done nothing, or in trouble nobody knows what (`uncertain`)."""
        return self.status == _TOO_MANY or (self.status >= 500 and self.retry_after_s is not None)  # noqa: PLR2004 - HTTP
