"""Which addresses may be spoken to, and listened at, in plain text."""

import pytest
from tandem_rpc import RpcSetupError, channel
from tandem_rpc.exposure import check_channel, check_server, host_of, loopback


@pytest.mark.parametrize("address", ["127.0.0.1:1", "localhost:1", "[::1]:1", "unix:/run/tandem"])
def test_on_loopback_everything_goes(address: str) -> None:
    """A token may travel in plain text, and a server may do without, as long as nothing leaves the machine."""
    assert loopback(host_of(address))
    check_channel(address, token=True, tls=False, plaintext=False)
    check_server(address, token=False, tls=False, client_ca=False, plaintext=False)


@pytest.mark.parametrize("address", ["10.0.0.1:1", "telemetry.tandem.svc:1", "[2001:db8::1]:1", "0.0.0.0:1"])
def test_elsewhere_plain_text_must_be_stated(address: str) -> None:
    """Without TLS the token stays here and the server does not start, unless the network is said to encrypt."""
    with pytest.raises(RpcSetupError, match="plaintext=True"):
        check_channel(address, token=True, tls=False, plaintext=False)
    with pytest.raises(RpcSetupError, match="plaintext=True"):
        check_server(address, token=True, tls=False, client_ca=False, plaintext=False)
    check_channel(address, token=True, tls=False, plaintext=True)
    check_channel(address, token=True, tls=True, plaintext=False)
    check_server(address, token=True, tls=True, client_ca=False, plaintext=False)


def test_a_server_is_never_open_to_anybody() -> None:
    """Even with TLS or a protected network, callers from elsewhere need a token or a certificate."""
    for tls, plaintext in ((True, False), (False, True)):
        with pytest.raises(RpcSetupError, match="answer anybody"):
            check_server("0.0.0.0:1", token=False, tls=tls, client_ca=False, plaintext=plaintext)
    check_server("0.0.0.0:1", token=False, tls=True, client_ca=True, plaintext=False)


@pytest.mark.parametrize("address", ["", "localhost", "localhost:", ":1", "localhost:port", "localhost:65536", "::1:1", "[]:1"])
def test_an_address_that_is_none_is_named(address: str) -> None:
    """What cannot be an address is refused before anything is opened."""
    with pytest.raises(RpcSetupError, match="is not host:port"):
        channel(address)
