"""Callers that have a token each: a folder with a file for everybody, named as they are, such as a mounted Secret of Kubernetes.

Each file holds one or more tokens, one a line, as a shared token file does. Who shows one of them is "token:" and the name.
"""

import logging
import os
from pathlib import Path

import grpc

from tandem_rpc.callers import Caller
from tandem_rpc.errors import Refused, RpcSetupError
from tandem_rpc.token_file import TokenFile

_log = logging.getLogger(__name__)


class TokenFolder:
    """A verifier of callers (`tandem_rpc.Verifier`)."""

    def __init__(self, folder: Path) -> None:
        """Read `folder`.

        Raises:
            RpcSetupError: when it cannot be read, or holds no tokens.
        """
        self._folder, self._unusable = folder, set[str]()
        try:
            self._files = {name: TokenFile(folder / name) for name in _names(folder)}
        except OSError as error:
            msg = f"token_folder: {folder} cannot be read ({error.strerror}); give a folder with a file of tokens for each caller"
            raise RpcSetupError(msg) from None
        if not self._files:
            msg = f"token_folder: {folder} is empty; write a file for each caller, named as they are, with a random token in it"
            raise RpcSetupError(msg)

    def __call__(self, token: str) -> Caller:
        """Whose `token` is.

        Raises:
            Refused: UNAUTHENTICATED when it is nobody's.
        """
        try:
            self._read_anew()
        except OSError as error:
            message = f"authorization: the tokens of this service cannot be read now ({error.strerror}); try again"
            raise Refused(grpc.StatusCode.UNAVAILABLE, message) from None
        shown = token.encode()
        # All are compared, whichever it is: how long this takes tells nothing.
        owners = [name for name, file in self._files.items() if file.accepts(shown)]
        if not owners:
            message = "authorization: not a token of this service; send the one that was made for you"
            raise Refused(grpc.StatusCode.UNAUTHENTICATED, message)
        return Caller(identity=f"token:{owners[0]}")

    def _read_anew(self) -> None:
        """Know who is there now; a file that changed is looked at by `TokenFile`, and one that cannot be used yet is nobody's."""
        names = _names(self._folder)
        if names == [*self._files]:
            return
        files, unusable = dict[str, TokenFile](), set[str]()
        for name in names:
            try:
                files[name] = self._files.get(name) or TokenFile(self._folder / name)
            except RpcSetupError as error:
                unusable.add(name)
                if name not in self._unusable:  # said once, not at every call
                    _log.warning("%s; until then its caller is not let in", error)
        self._files, self._unusable = files, unusable


def _names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if not entry.name.startswith(".") and entry.is_file())
