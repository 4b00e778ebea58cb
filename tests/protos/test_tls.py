"""TLS between real ends, with certificates made on the spot."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from tandem.telemetry.v1 import telemetry_pb2 as pb
from tandem_rpc import ClientTls, RpcSetupError, Server, ServerTls

from tests.protos.authority import Authority, authority, needs_openssl

pytestmark = needs_openssl
Start = Callable[..., Server]


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return authority(tmp_path / "ours")


@pytest.fixture
def theirs(tmp_path: Path) -> Authority:
    return authority(tmp_path / "theirs")


def _unavailable(call: Callable[[], object]) -> bool:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_both_ends_speak_tls_and_nothing_else(
    start: Start, connect: Callable[..., Any], ours: Authority, theirs: Authority, token_file: Path
) -> None:
    """The right authority and token pass, from a file or not; a stranger's authority, or plain text, does not even connect."""
    certificate, key = ours.issue("server")
    port = start(token_file=token_file, tls=ServerTls(certificate=certificate, key=key)).port
    connect(port, token_file=token_file, tls=ClientTls(ca=ours.certificate)).List(pb.ListRequest())
    connect(port, token_file=token_file, tls=ClientTls(ca=ours.certificate.read_bytes())).List(pb.ListRequest())
    for wrong in (ClientTls(ca=theirs.certificate), ClientTls(ca=theirs.certificate.read_bytes()), ClientTls(), None):
        assert _unavailable(lambda tls=wrong: connect(port, token_file=token_file, tls=tls).List(pb.ListRequest()))


def test_a_token_is_still_needed(start: Start, connect: Callable[..., Any], ours: Authority, token_file: Path) -> None:
    """TLS says who the server is, not who calls."""
    certificate, key = ours.issue("server")
    port = start(token_file=token_file, tls=ServerTls(certificate=certificate, key=key)).port
    with pytest.raises(grpc.RpcError) as caught:
        connect(port, tls=ClientTls(ca=ours.certificate)).List(pb.ListRequest())
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_clients_can_be_asked_for_certificates(start: Start, connect: Callable[..., Any], ours: Authority, theirs: Authority) -> None:
    """With an authority of clients, only those whose certificate it signed connect."""
    certificate, key = ours.issue("server")
    port = start(tls=ServerTls(certificate=certificate, key=key, client_ca=ours.certificate)).port
    shown, shown_key = ours.issue("client")
    connect(port, tls=ClientTls(ca=ours.certificate, certificate=shown, key=shown_key)).List(pb.ListRequest())
    strange, strange_key = theirs.issue("client")
    for wrong in (ClientTls(ca=ours.certificate), ClientTls(ca=ours.certificate, certificate=strange, key=strange_key)):
        assert _unavailable(lambda tls=wrong: connect(port, tls=tls).List(pb.ListRequest()))


def test_a_renewed_certificate_is_shown_without_a_restart(
    start: Start, connect: Callable[..., Any], ours: Authority, theirs: Authority
) -> None:
    """New connections see the files as they are; a renewal that cannot be read leaves the old certificate in use."""
    certificate, key = ours.issue("server")
    port = start(tls=ServerTls(certificate=certificate, key=key)).port
    connect(port, tls=ClientTls(ca=ours.certificate)).List(pb.ListRequest())
    renewed, renewed_key = theirs.issue("server")
    renewed_key.replace(key)
    renewed.replace(certificate)
    connect(port, tls=ClientTls(ca=theirs.certificate)).List(pb.ListRequest())
    certificate.unlink()
    connect(port, tls=ClientTls(ca=theirs.certificate, server_name="127.0.0.1")).List(pb.ListRequest())


def test_a_forwarded_port_has_the_name_of_what_is_behind(start: Start, connect: Callable[..., Any], ours: Authority) -> None:
    """A certificate for another name than the address is believed when that name is given, and only then."""
    certificate, key = ours.issue("server", also="DNS:telemetry.tandem.svc")
    port = start(tls=ServerTls(certificate=certificate, key=key)).port
    connect(port, tls=ClientTls(ca=ours.certificate, server_name="telemetry.tandem.svc")).List(pb.ListRequest())
    assert _unavailable(lambda: connect(port, tls=ClientTls(ca=ours.certificate)).List(pb.ListRequest()))


def test_unusable_files_are_named(start: Start, connect: Callable[..., Any], tmp_path: Path, ours: Authority) -> None:
    """Absent files, files that are no PEM, a certificate without its key: one line with field and path."""
    certificate, key = ours.issue("server")
    no_pem = tmp_path / "no.pem"
    no_pem.write_text("hello")
    with pytest.raises(RpcSetupError, match=r"tls\.key: .*no\.pem holds no PEM"):
        start(tls=ServerTls(certificate=certificate, key=no_pem))
    with pytest.raises(RpcSetupError, match=r"tls\.certificate: .*absent cannot be read"):
        start(tls=ServerTls(certificate=tmp_path / "absent", key=key))
    with pytest.raises(RpcSetupError, match=r"tls\.ca: .*absent cannot be read"):
        connect(1, tls=ClientTls(ca=tmp_path / "absent"))
    for no_text in (b"", b"hello"):
        with pytest.raises(RpcSetupError, match=r"^tls\.ca: what is given holds no PEM block; give text that"):
            connect(1, tls=ClientTls(ca=no_text))
    _, other = ours.issue("other")
    with pytest.raises(RpcSetupError, match=rf"^tls\.certificate, tls\.key: {certificate} and {other} do not belong together; give"):
        start(tls=ServerTls(certificate=certificate, key=other))
    with pytest.raises(RpcSetupError, match="only one of the two"):
        connect(1, tls=ClientTls(certificate=certificate))
