"""What can go wrong between a client and the API server, and which requests it befalls."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any

READS, WRITES = frozenset({"get", "list", "watch"}), frozenset({"create", "update", "patch", "delete"})
_METHODS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class Kind(StrEnum):
    """The troubles that a real API server, or the network before it, makes."""

    CONFLICT = "409"
    TOO_MANY = "429"  # with Retry-After: `seconds`
    BROKEN = "500"
    UNAVAILABLE = "503"
    TIMED_OUT = "500 when done"  # it has been done, but the API server says that it failed, with Retry-After: `seconds`
    GONE = "410"  # on a watch as an ERROR event within the stream, as the API server tells it; on a list as the status
    LOST_REQUEST = "lost request"  # the connection breaks before the API server has heard of it
    LOST_ANSWER = "lost answer"  # it has been done, but the connection breaks before the answer
    CUT = "cut"  # a watch ends in the middle of a line, after `events` of them
    SILENT = "silent"  # a watch stays open and says nothing any more, after `events`
    LATE = "late"  # a watch waits `seconds` before each event it tells of: the last of n that come at once is late by n times as much
    SLOW = "slow"  # it takes `seconds` more
    HELD = "held"  # it is passed on when the test says so


_REASONS = {
    Kind.CONFLICT: (409, "Conflict", "the object has been modified; please apply your changes to the latest version and try again"),
    Kind.TOO_MANY: (429, "TooManyRequests", "too many requests, please try again later"),
    Kind.BROKEN: (500, "InternalError", "an error on the server has prevented the request from succeeding"),
    Kind.UNAVAILABLE: (503, "ServiceUnavailable", "the server is currently unable to handle the request"),
    Kind.TIMED_OUT: (500, "ServerTimeout", "the server could not find out in time whether the request succeeded"),
    Kind.GONE: (410, "Expired", "too old resource version"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One trouble."""

    kind: Kind
    seconds: float = 1
    events: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asked for, in the words of Kubernetes."""

    verb: str  # get, list, watch, create, update, patch, delete
    path: str  # without the query
    query: str
    fault: Kind | None = None

    @classmethod
    def of(cls, method: str, path: str, query: str) -> "Request":
        verb = _METHODS.get(method)
        if not verb:
            watched = re.search(r"(^|&)watch=(1|true|True)(&|$)", query)
            verb = "watch" if watched else "get" if _names_one(path) else "list"
        return cls(verb=verb, path=path, query=query)


def _names_one(path: str) -> bool:
    """Whether it is the path of an object, not of a collection."""
    first, *rest = path.strip("/").split("/")
    rest = rest[1:] if first == "api" else rest[2:]  # the version, and the group before it
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    return len(rest) > 1


@dataclass(slots=True, kw_only=True)
class Rule:
    """Faults for the requests of these verbs whose path the pattern is found in."""

    verbs: frozenset[str]
    path: "re.Pattern[str]"
    faults: Iterator[Fault | None]  # one for each such request; None lets it pass

    def concerns(self, request: Request) -> bool:
        return request.verb in self.verbs and bool(self.path.search(request.path))


def at_random(fault: Fault, probability: float, chance: Random) -> Iterator[Fault | None]:
    """The fault now and then, for ever."""
    while True:
        yield fault if chance.random() < probability else None


def status_of(kind: Kind) -> dict[str, Any] | None:
    """The `Status` that the API server answers with, if it answers at all."""
    if kind not in _REASONS:
        return None
    code, reason, message = _REASONS[kind]
    said = {"status": "Failure", "reason": reason, "code": code, "message": f"{message} (injected by a test)"}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, **said}
