"""The certificate that the coordinator of a DualRun shows, reckoned from the operator's own key and the run's uid as its token is.

The same question has the same answer, to the bit: so nobody has to read back the Secret that it stands in, and an operator that was
started anew knows whom to believe. It is an ECDSA key of the curve P-256, drawn by HKDF (RFC 5869) and brought into range as FIPS 186-5,
A.2.1 has it, and its own signature of itself, by the nonce of RFC 6979. Nobody revokes it: it goes with the run.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import (
    BasicConstraints,
    CertificateBuilder,
    DNSName,
    ExtendedKeyUsage,
    KeyUsage,
    Name,
    NameAttribute,
    SubjectAlternativeName,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of the group of P-256: SP 800-186, 3.2.1.3
_DRAWN_BYTES: Final = 40  # 64 bits more than the order has, so that no key is likelier than another
_SERIAL_BYTES: Final = 16  # RFC 5280, 4.1.2.2: 20 at most
_SLACK: Final = timedelta(days=1)  # clocks of machines that are behind
_LASTS: Final = timedelta(days=3650)  # longer than any run


def certificate(key: bytes, uid: str, *, names: Sequence[str], since: datetime) -> tuple[str, str]:
    """The certificate of a run, and its private key; both PEM.

    Args:
        key: The operator's own.
        uid: The run's; another one has another key.
        names: What the coordinator is called in DNS; the last one, of at most 64 characters, is its common name.
        since: When the run was created, with a time zone.
    """
    private = ec.derive_private_key(_drawn(key, f"private key of {uid}", _DRAWN_BYTES) % (_ORDER - 1) + 1, ec.SECP256R1())
    itself = Name([NameAttribute(NameOID.COMMON_NAME, names[-1])])
    begun = since.replace(microsecond=0)
    unsigned = (
        CertificateBuilder()
        .subject_name(itself)
        .issuer_name(itself)
        .public_key(private.public_key())
        .serial_number(_drawn(key, f"serial number of {uid}", _SERIAL_BYTES) + 1)
        .not_valid_before(begun - _SLACK)
        .not_valid_after(begun + _LASTS)
        .add_extension(SubjectAlternativeName([DNSName(name) for name in names]), critical=False)
        .add_extension(BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_SIGNS_HANDSHAKES, critical=True)
        .add_extension(ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    signed = unsigned.sign(private, SHA256(), ecdsa_deterministic=True)
    written = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return signed.public_bytes(Encoding.PEM).decode(), written.decode()


_SIGNS_HANDSHAKES: Final = KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def _drawn(key: bytes, what: str, length_bytes: int) -> int:
    """A number that nobody can tell from a random one who has not the key."""
    return int.from_bytes(HKDF(SHA256(), length_bytes, salt=None, info=f"tandem: {what}".encode()).derive(key))
