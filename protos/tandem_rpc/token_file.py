"""The secret that callers share with a service, read from a file whenever that file changes.

A file may hold several tokens, one a line: callers send the first, servers take any. A token is thus changed without refusing
anybody: add the new one below, then above, then drop the old one. Mounted secrets of Kubernetes are replaced by moving a
link, which changes the inode that is looked at here.
"""

import logging
import os
from hmac import compare_digest
from pathlib import Path

from tandem_rpc.errors import RpcSetupError

_log = logging.getLogger(__name__)
_ABSENT: tuple[int, ...] = ()  # the version of a file that is not there


class TokenFile:
    """Tokens as they stand in a file now. What cannot be read any more is remembered: a file being replaced is no reason to fall."""

    def __init__(self, path: Path) -> None:
        """Read `path`.

        Raises:
            RpcSetupError: when it cannot be read or holds no token.
        """
        self._path = path
        try:
            self._version, self._tokens = _read(path)
        except (OSError, ValueError) as error:
            msg = f"token_file: {path} {_reason(error)}; write a random token into it, one a line"
            raise RpcSetupError(msg) from None

    def first(self) -> str:
        """The token to send."""
        return self._current()[0].decode()

    def accepts(self, token: bytes) -> bool:
        """Whether `token` is one of ours; takes as long whichever it is (RFC 9110 leaves this to us)."""
        return any([compare_digest(token, ours) for ours in self._current()])  # noqa: C419 - a generator would stop at the first

    def _current(self) -> tuple[bytes, ...]:
        version = _ABSENT
        try:
            version = _version(self._path.stat())
            if version != self._version:
                self._version, self._tokens = _read(self._path)
        except (OSError, ValueError) as error:
            if version != self._version:  # said once for each change, not at every call
                self._version = version
                _log.warning("token_file: %s %s; the tokens read before are still used", self._path, _reason(error))
        return self._tokens


def _read(path: Path) -> tuple[tuple[int, ...], tuple[bytes, ...]]:
    with path.open("rb") as file:
        version, tokens = _version(os.fstat(file.fileno())), tuple(file.read().split())
    if not tokens:
        msg = "is empty"
        raise ValueError(msg)
    if not all(token.isascii() for token in tokens):
        msg = "holds something that is not ASCII"
        raise ValueError(msg)
    return version, tokens


def _version(stat: os.stat_result) -> tuple[int, ...]:
    return stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size  # the third changes with who may read it


def _reason(error: OSError | ValueError) -> str:
    return f"cannot be read ({error.strerror})" if isinstance(error, OSError) else str(error)
