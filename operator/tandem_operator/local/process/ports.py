"""Which ports of this machine are used: free ones of the loopback interface, chosen once and then kept on record."""

import json
import socket
from pathlib import Path
from typing import cast

from tandem_operator.local.state import durable


def free() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


def taken(port: int) -> bool:
    """Whether somebody listens on a port at this moment."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # calls that ended a moment ago take nothing
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def kept(path: Path, owner: str) -> int:
    """The port of `owner`, such as an attempt: the one on record at `path`, or a new one if that is somebody else's."""
    try:
        told = cast("dict[str, object]", json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        told = dict[str, object]()
    if told.get("owner") == owner:
        return int(str(told["port"]))
    port = free()
    durable.write(path, json.dumps({"owner": owner, "port": port}))
    return port
