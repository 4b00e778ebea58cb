"""A command's conversation with the memory: from the options to a client, and from what goes wrong to an exit code and a line."""

import logging
import os
from collections.abc import Collection, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tandem_operator.cli.exits import Exit, leave

from . import told
from .asked import Place

if TYPE_CHECKING:
    from tandem_memory.client import Memory

_MOST_NAMES = 10  # a line that people can read
_PATIENCE_S = 3.0  # a service that is being restarted is waited for; a wrong address is said soon


@contextmanager
def speaking(place: Place, *, whole: bool = False) -> Generator["Memory"]:
    """A client of the memory at `place`.

    Args:
        place: What the options say.
        whole: Whether the command is about the whole service: then no namespace is looked for.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what its C part prints of a handshake is said by the error, in one line
    try:
        from tandem_memory.client import Memory, MemoryServiceError, NotThereError
        from tandem_memory.transfer import MistakeError
        from tandem_rpc import ClientTls, RpcSetupError
    except ImportError as error:
        leave(Exit.BAD_INPUT, f"this installation has no client of the memory ({error.name} is missing); install tandem-operator[memory]")
    if not place.address:
        leave(Exit.BAD_INPUT, "--address: absent; say where the memory is as host:port, or set TANDEM_MEMORY")
    logging.getLogger("stamina").setLevel(logging.ERROR)  # tries are ours to tell of
    try:
        tls = ClientTls(ca=place.tls_ca) if place.tls_ca else None
        token, plaintext = place.token_file, place.plaintext
        with Memory(place.address, place.namespace, token_file=token, tls=tls, plaintext=plaintext, patience_s=_PATIENCE_S) as memory:
            yield memory if whole or place.namespace else memory.but(_only(memory))
    except NotThereError as error:
        leave(Exit.NO_SUCH_RUN, str(error))
    except UnicodeEncodeError as error:
        if error.encoding != "utf-8":
            raise  # something that is printed, and no argument
        leave(Exit.BAD_INPUT, f"{error.object[:60]!r}: is no UTF-8; only text can be asked for")
    except (RpcSetupError, MistakeError) as error:
        leave(Exit.BAD_INPUT, str(error))
    except MemoryServiceError as error:
        leave(_code(error), str(error))


def some(names: Collection[str]) -> str:
    """The first few of many names."""
    shown = ", ".join(map(told.clean, sorted(names)[:_MOST_NAMES]))
    return shown if len(names) <= _MOST_NAMES else f"{shown} and {len(names) - _MOST_NAMES:,} more (tandem memory namespaces)"


def _only(memory: "Memory") -> str:
    """The namespace that is meant when none is named."""
    names = [each.name for each in memory.namespaces()]
    if len(names) != 1:
        there = f"there are {some(names)}; name one" if names else "there is none yet"
        leave(Exit.BAD_INPUT if names else Exit.NO_SUCH_RUN, f"--namespace: absent, and {there}")
    return names[0]


def _code(error: Exception) -> Exit:
    from tandem_memory.client import BrokenError, RefusedError

    if isinstance(error, RefusedError):
        return Exit.BAD_INPUT
    return Exit.UNEXPECTED if isinstance(error, BrokenError) else Exit.MACHINE
