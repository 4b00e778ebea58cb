"""Keeps what a verifier said of a token for a short while, so that the API server is not asked at every call.

A token that was withdrawn is thus believed for at most `_KNOWN_S` more. Tokens themselves are not kept, only their hashes;
and what could not be told is not kept at all.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

import grpc

from tandem_rpc import Caller, Refused, Verifier

_KNOWN_S = 60.0
_NOBODY_S = 10.0  # a client that was refused asks again every second; a token that is nobody's seldom becomes somebody's


@dataclass(frozen=True, slots=True)
class _Said:
    """An answer, and until when it holds."""

    answer: Caller | Refused
    until_s: float


class Remembered:
    """A verifier that asks another, and not too often; `clock` is any that only goes forward."""

    def __init__(self, verifier: Verifier, clock: Callable[[], float], most: int) -> None:
        self._verifier, self._clock, self._most = verifier, clock, most
        self._said: OrderedDict[bytes, _Said] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def tokens(self) -> int:
        """How many are remembered."""
        return len(self._said)

    def __call__(self, token: str) -> Caller:
        """Whose `token` is, or was a moment ago.

        Raises:
            Refused: as the other verifier did.
        """
        key = sha256(token.encode()).digest()
        with self._lock:
            said = self._said.get(key)
        if said is None or said.until_s <= self._clock():
            said = self._asked(key, token)
        if isinstance(said.answer, Refused):
            raise Refused(said.answer.code, said.answer.message)
        return said.answer

    def _asked(self, key: bytes, token: str) -> _Said:
        at = self._clock()  # before the question: the answer may be as old as that
        try:
            said = _Said(self._verifier(token), at + _KNOWN_S)
        except Refused as refused:
            if refused.code is not grpc.StatusCode.UNAUTHENTICATED:
                raise
            said = _Said(refused, at + _NOBODY_S)
        with self._lock:
            self._said[key] = said
            self._said.move_to_end(key)
            if len(self._said) > self._most:
                self._said.popitem(last=False)
        return said
