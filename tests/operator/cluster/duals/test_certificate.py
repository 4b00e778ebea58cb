"""The certificate of a DualRun: a function of the operator's key and the run, and good for handshakes between real ends."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import BasicConstraints, Certificate, DNSName, SubjectAlternativeName, load_pem_x509_certificate
from grpc_health.v1 import health_pb2, health_pb2_grpc
from hypothesis import given
from hypothesis import strategies as st
from tandem_operator.cluster.dual.certificate import certificate
from tandem_operator.render.dual import objects
from tandem_rpc import ClientTls, RpcSetupError, ServerTls, channel, serve

from tests.operator.plan.dual.runs import dual

KEY: Final = b"k" * 32
SINCE: Final = datetime(2026, 11, 1, 12, tzinfo=UTC)
NAMES: Final = ("d-0f8fad5b.team.svc", "d-0f8fad5b.team", "d-0f8fad5b")
HERE: Final = ("localhost",)


def made(key: bytes = KEY, uid: str = "u", names: tuple[str, ...] = NAMES, since: datetime = SINCE) -> tuple[str, str]:
    return certificate(key, uid, names=names, since=since)


def read(pem: str) -> Certificate:
    return load_pem_x509_certificate(pem.encode())


def test_the_same_question_has_the_same_answer() -> None:
    """In every release: with another one, the parts of all runs under way would be started anew once."""
    assert made() == made()
    assert [hashlib.sha256(pem.encode()).hexdigest()[:16] for pem in made()] == ["1a38029cf67a2f01", "9807b78d6e79947c"]


@given(key=st.binary(min_size=32, max_size=80), uid=st.uuids().map(str))
def test_whatever_the_key_and_the_run_it_is_a_certificate_of_its_own_key(key: bytes, uid: str) -> None:
    """It bears out its own signature, by a key that belongs to it, under a number that RFC 5280 allows."""
    shown, private = made(key, uid)
    found, its_own = read(shown), load_pem_private_key(private.encode(), None)
    assert isinstance(its_own, ec.EllipticCurvePrivateKey)
    assert (its_own.curve.name, its_own.public_key()) == ("secp256r1", found.public_key())
    found.verify_directly_issued_by(found)
    assert 0 < found.serial_number < 1 << 159


@pytest.mark.parametrize("other", [{"key": b"l" * 32}, {"uid": "v"}], ids="".join)
def test_another_key_or_run_has_another_private_key(other: dict[str, bytes | str]) -> None:
    """And a number of its own."""
    (shown, private), (others_shown, others_private) = made(), made(**other)  # pyright: ignore[reportArgumentType]
    assert private != others_private
    assert read(shown).serial_number != read(others_shown).serial_number


def test_it_names_the_coordinator_as_it_is_called() -> None:
    """By all its names in DNS, that of its address among them; it can vouch for nobody else."""
    run = dual()
    found = read(made(names=objects.names(run))[0])
    named = found.extensions.get_extension_for_class(SubjectAlternativeName).value.get_values_for_type(DNSName)
    assert tuple(named) == objects.names(run)
    assert objects.address(run).rpartition(":")[0] in named
    assert not found.extensions.get_extension_for_class(BasicConstraints).value.ca


def test_it_holds_for_as_long_as_any_run_and_for_clocks_that_are_behind() -> None:
    """From a day before the run was created, for ten years, whatever fraction of a second that was."""
    found = read(made(since=SINCE.replace(microsecond=5))[0])
    assert (found.not_valid_before_utc, found.not_valid_after_utc) == (SINCE - timedelta(days=1), SINCE + timedelta(days=3650))


def test_the_longest_names_fit() -> None:
    """A run's has 40 characters, a namespace's 63; a common name may have 64."""
    short = "r" * 40 + "-0f8fad5b"
    shown, _ = made(names=(f"{short}.{'n' * 63}.svc", f"{short}.{'n' * 63}", short))
    assert read(shown)


@contextmanager
def serving(folder: Path, shown: tuple[str, str]) -> Iterator[str]:
    """The address of a server that shows a certificate."""
    certificate, key = folder / "tls.crt", folder / "tls.key"
    certificate.write_text(shown[0])
    key.write_text(shown[1])
    server = serve("localhost:0", {}, tls=ServerTls(certificate=certificate, key=key))
    try:
        yield f"localhost:{server.port}"
    finally:
        server.stop(0)


def answer(address: str, believed: str | None, *, called: str | None = None) -> grpc.StatusCode:
    """What becomes of a call by somebody who believes in a certificate."""
    tls = ClientTls(ca=believed.encode(), server_name=called) if believed else None
    with channel(address, tls=tls) as opened:
        try:
            health_pb2_grpc.HealthStub(opened).Check(health_pb2.HealthCheckRequest())
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


def test_it_is_its_own_authority_between_real_ends(tmp_path: Path) -> None:
    """Whoever has it speaks to its owner; by that of another run or key, another name, or in plain text, no call comes through."""
    with serving(tmp_path, made(names=HERE)) as address:
        assert answer(address, made(names=HERE)[0]) is grpc.StatusCode.OK
        for wrong in (made(uid="v", names=HERE)[0], made(b"l" * 32, names=HERE)[0], None):
            assert answer(address, wrong) is grpc.StatusCode.UNAVAILABLE
        assert answer(address, made(names=HERE)[0], called="d-0f8fad5b.team.svc") is grpc.StatusCode.UNAVAILABLE


def test_the_key_of_another_run_does_not_serve(tmp_path: Path) -> None:
    """Public certificate and key of different runs are refused before anybody calls."""
    with pytest.raises(RpcSetupError, match="do not belong together"), serving(tmp_path, (made()[0], made(uid="v")[1])):
        pass
