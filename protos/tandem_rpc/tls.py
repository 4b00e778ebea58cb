"""Certificates for both ends (RFC 8446), from PEM files; a server's are read anew when they were renewed."""

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import grpc

from tandem_rpc.errors import RpcSetupError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls:
    """What a server shows, and whom it believes.

    Attributes:
        certificate: PEM chain, leaf first.
        key: PEM private key of the leaf.
        client_ca: Authority that clients' certificates must come from; None asks for no client certificate.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None

    @classmethod
    def of(cls, certificate: Path | None, key: Path | None, client_ca: Path | None = None) -> Self | None:
        """What settings say; None where there is no certificate, or no key to it."""
        return cls(certificate=certificate, key=key, client_ca=client_ca) if certificate and key else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTls:
    """Whom a client believes, and what it shows.

    Attributes:
        ca: Authority of the server's certificate, as a PEM file or as PEM; None means gRPC's built-in roots.
        certificate: PEM chain shown to servers that ask for one; with `key`.
        key: PEM private key.
        server_name: Name expected in the server's certificate when it is not that of the address (a forwarded port).
    """

    ca: Path | bytes | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: str | None = None


def server_credentials(tls: ServerTls) -> grpc.ServerCredentials:
    """Credentials that follow the files: every handshake sees the certificate as it is then.

    Raises:
        RpcSetupError: when a file cannot be read or is no PEM.
    """
    renewals = _Renewals(tls)
    return grpc.dynamic_ssl_server_credentials(renewals.shown, renewals.current, require_client_authentication=tls.client_ca is not None)


def channel_credentials(tls: ClientTls) -> grpc.ChannelCredentials:
    """Credentials of a channel.

    Raises:
        RpcSetupError: when a file cannot be read or is no PEM, or a certificate has no key.
    """
    if (tls.certificate is None) != (tls.key is None):
        msg = "tls.certificate, tls.key: only one of the two is given; give both or none"
        raise RpcSetupError(msg)
    return grpc.ssl_channel_credentials(
        root_certificates=_pem("tls.ca", tls.ca) if tls.ca is not None else None,
        private_key=_pem("tls.key", tls.key) if tls.key else None,
        certificate_chain=_pem("tls.certificate", tls.certificate) if tls.certificate else None,
    )


class _Renewals:
    """The certificate to show at the next handshake."""

    def __init__(self, tls: ServerTls) -> None:
        self._tls = tls
        self._pems = _pems(tls)
        _check_pair(tls)
        self.shown = _configuration(*self._pems)

    def current(self) -> grpc.ServerCertificateConfiguration:
        try:
            pems = _pems(self._tls)
            if pems != self._pems:
                _check_pair(self._tls)
        except RpcSetupError as error:
            _log.warning("%s; the certificate read before is still shown", error)
            return self.shown
        if pems != self._pems:
            self._pems, self.shown = pems, _configuration(*pems)
        return self.shown


def _pems(tls: ServerTls) -> tuple[bytes, bytes, bytes | None]:
    return (
        _pem("tls.key", tls.key),
        _pem("tls.certificate", tls.certificate),
        _pem("tls.client_ca", tls.client_ca) if tls.client_ca else None,
    )


def _check_pair(tls: ServerTls) -> None:
    """Refuse a certificate and a key that were not made for each other: gRPC would listen all the same, and fail at every handshake."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key, password="")
    except (ssl.SSLError, OSError) as error:
        reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
        why = "do not belong together" if reason == "KEY_VALUES_MISMATCH" else f"cannot be used ({reason})"
        msg = f"tls.certificate, tls.key: {tls.certificate} and {tls.key} {why}; give a certificate and its own key, without a password"
        raise RpcSetupError(msg) from None


def _configuration(key: bytes, certificate: bytes, client_ca: bytes | None) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(key, certificate)], root_certificates=client_ca)


def _pem(field: str, source: Path | bytes) -> bytes:
    data = source if isinstance(source, bytes) else _read(field, source)
    if b"-----BEGIN " not in data:
        what, fix = ("what is given", "text") if isinstance(source, bytes) else (source, "a file")
        msg = f"{field}: {what} holds no PEM block; give {fix} that begins with -----BEGIN"
        raise RpcSetupError(msg)
    return data


def _read(field: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"{field}: {path} cannot be read ({error.strerror}); give a PEM file"
        raise RpcSetupError(msg) from None
