"""Who could listen on the way, and who could call? Decides which addresses may be spoken to in plain text.

On loopback everything goes: the machine is the boundary. Anywhere else a token in plain text is a token given away, so TLS
is asked for, or the plain statement that something else protects the way (a service mesh, an encrypting pod network); and a
server is never open to whoever finds it: it needs a token or the authority of its clients' certificates.
"""

import ipaddress

from tandem_rpc.errors import RpcSetupError

_HIGHEST_PORT = 65535


def host_of(address: str) -> str:
    """The host of "host:port", "[v6]:port" or "unix:path".

    Raises:
        RpcSetupError: when it is none of these.
    """
    if address.startswith("unix:"):
        return "localhost"
    host, colon, port = address.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not colon or not bare or not port.isdecimal() or int(port) > _HIGHEST_PORT or (":" in bare and bare == host):
        msg = f"address: {address!r} is not host:port; for example 127.0.0.1:7070 or [::1]:7070"
        raise RpcSetupError(msg)
    return bare


def loopback(host: str) -> bool:
    """Whether what is said to `host` stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_channel(address: str, *, token: bool, tls: bool, plaintext: bool) -> None:
    """Refuse to send a token where it could be read.

    Raises:
        RpcSetupError: with the fix.
    """
    if token and not (tls or plaintext or loopback(host_of(address))):
        msg = f"address: {address} would get the token in plain text; give tls, or plaintext=True if the network itself encrypts"
        raise RpcSetupError(msg)


def check_server(address: str, *, token: bool, tls: bool, client_ca: bool, plaintext: bool) -> None:
    """Refuse to listen where others could read along, or call without being known.

    Raises:
        RpcSetupError: with the fix.
    """
    if loopback(host_of(address)):
        return
    if not tls and not plaintext:
        fix = "give a certificate and key, or plaintext=True if the network itself encrypts"
        msg = f"listen: {address} is reached from outside in plain text; {fix}"
        raise RpcSetupError(msg)
    if not token and not client_ca:
        msg = f"listen: {address} would answer anybody; give a token file, or the authority of client certificates"
        raise RpcSetupError(msg)
