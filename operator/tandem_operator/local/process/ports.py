"""Which ports of this machine are used: free ones of the loopback interface, chosen once and then kept on record.

Between the choice and the moment when somebody listens there, other programs open connections, and the system gives these ports of
its own range (`ip_local_port_range` in Linux' Documentation/networking/ip-sysctl.rst). So they are chosen below it.
"""

import json
import socket
from pathlib import Path
from random import SystemRandom
from typing import cast

from tandem_operator.local.state import durable

_GIVEN = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 20_000  # below, services have ports that people know
_HIGHEST = 30_000  # from here on, Kubernetes gives them to services (its --service-node-port-range)
_TRIES = 100


def free(given: Path = _GIVEN) -> int:
    """A port that nobody listens on at this moment; if a hundred tries find one, none of those that the system gives by itself."""
    ours = _below(given)
    for port in SystemRandom().sample(ours, min(_TRIES, len(ours))):
        if not taken(port):
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


def _below(given: Path) -> range:
    """Ports that the system gives nobody by itself; none where that is not known."""
    try:
        first = int(given.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return range(0)
    return range(_LOWEST, min(first, _HIGHEST))


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
