"""The service and a node of Cassandra that shows a certificate, asks for one, and asks for a password."""

import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster, NoHostAvailable

from tests.parts.cassandra_cluster import CassandraCluster, Guard, serving
from tests.parts.cassandra_jars import CASSANDRA
from tests.parts.fixtures import program
from tests.protos.authority import Authority, authority, needs_openssl
from tests.services.memory.program.conftest import Start, append, command, search

pytestmark = [pytest.mark.xdist_group("cassandra"), needs_openssl]
STORE_PASSWORD = "changeit"  # noqa: S105 - of the files that a node reads, which lie beside it
FIRST_PASSWORD = "cassandra"  # noqa: S105 - that every new cluster begins with
PASSWORD = "tops3cret"  # noqa: S105
_PATIENCE_S = 300  # a slow machine is no failure


def kept(certificate: Path, key: Path, ca: Path) -> tuple[Path, Path]:
    """A certificate with its key, and whom to believe, as Java has them."""
    own, believed = certificate.with_suffix(".p12"), certificate.with_suffix(".trust.p12")
    secret = f"pass:{STORE_PASSWORD}"
    export = ["openssl", "pkcs12", "-export", "-in", certificate, "-inkey", key, "-out", own, "-passout", secret]
    subprocess.run(export, check=True, capture_output=True)
    believe = ["keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", ca, "-keystore", believed, "-storetype", "PKCS12"]
    subprocess.run([*believe, "-storepass", STORE_PASSWORD], check=True, capture_output=True)
    return own, believed


def guard(ca: Authority, address: str) -> Guard:
    own, believed = kept(*ca.issue(f"node-{address}", also=f"IP:{address}"), ca.certificate)
    tls = ssl.create_default_context(cafile=ca.certificate)
    tls.load_cert_chain(*ca.issue("driver"))
    encryption = {
        "enabled": True,
        "optional": False,
        "require_client_auth": True,
        "store_type": "PKCS12",
        "keystore": str(own),
        "keystore_password": STORE_PASSWORD,
        "truststore": str(believed),
        "truststore_password": STORE_PASSWORD,
    }
    settings = {"authenticator": "PasswordAuthenticator", "client_encryption_options": encryption}
    return Guard(settings, {"auth_provider": PlainTextAuthProvider("cassandra", FIRST_PASSWORD), "ssl_context": tls})


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority") / "ca")


@pytest.fixture(scope="module")
def guarded(ca: Authority, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CassandraCluster]:
    jars = program(CASSANDRA, request.config)
    with serving(jars, tmp_path_factory.mktemp("guarded"), 1, guarded=lambda address: guard(ca, address)) as cluster:
        with Cluster(cluster.addresses, protocol_version=5, **cluster.entry) as driver:
            driver.connect().execute(f"ALTER ROLE cassandra WITH PASSWORD = '{PASSWORD}'")
        _until_known(cluster)
        yield cluster


def _until_known(cluster: CassandraCluster) -> None:
    """Nodes remember passwords for two seconds, so that the new one may be wrong for a moment."""
    entry = cluster.entry | {"auth_provider": PlainTextAuthProvider("cassandra", PASSWORD)}
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            with Cluster(cluster.addresses, protocol_version=5, **entry) as driver:
                driver.connect()
        except NoHostAvailable:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return


@pytest.fixture
def settings(ca: Authority, guarded: CassandraCluster, tmp_path: Path) -> dict[str, object]:
    certificate, key = ca.issue("service")
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    entry = {"USER": "cassandra", "PASSWORD_FILE": secret, "TLS_CA": ca.certificate, "TLS_CERT": certificate, "TLS_KEY": key}
    told = {"CASSANDRA": ",".join(guarded.addresses), "CASSANDRA_REPLICAS": 1, "FOLDER": ""}
    return told | {f"CASSANDRA_{name}": value for name, value in entry.items()}


def test_a_guarded_node(start: Start, settings: dict[str, object]) -> None:
    """Each shows the other who it is, the node is shown the password, and no log has it."""
    service = start(**settings)
    ids = service.stub().Append(append("what is kept"), timeout=300).ids
    assert [hit.record.id for hit in service.stub().Search(search("what is kept"), timeout=300).found[0].hits] == [*ids]
    assert service.terminate() == 0
    said = service.log.read_text()
    assert "Traceback" not in said
    assert PASSWORD not in said


def test_who_is_not_let_in(settings: dict[str, object], tmp_path: Path) -> None:
    """A wrong password, no certificate, a node that somebody else vouches for, and none at all: one line each, and no password in it."""
    wrong = tmp_path / "wrong"
    wrong.write_text("gu3ss\n")
    other = authority(tmp_path / "other")
    bare = {name: value for name, value in settings.items() if name not in ("CASSANDRA_TLS_CERT", "CASSANDRA_TLS_KEY")}
    in_the_clear = {name: value for name, value in bare.items() if name != "CASSANDRA_TLS_CA"}
    for changed in (
        settings | {"CASSANDRA_PASSWORD_FILE": wrong},
        bare,
        settings | {"CASSANDRA_TLS_CA": other.certificate},
        in_the_clear,
    ):
        ended = command(**{name: str(value) for name, value in changed.items()})
        assert ended.returncode == 2
        assert "TANDEM_MEMORY_CASSANDRA: no cluster of Cassandra at 127." in ended.stderr
        assert "Traceback" not in ended.stderr
        assert "gu3ss" not in ended.stderr
        assert PASSWORD not in ended.stderr


def test_files_that_belong_together(settings: dict[str, object], tmp_path: Path) -> None:
    """A key without its certificate, and a file that is absent or no PEM, are named with the fix."""
    lonely = {name: str(value) for name, value in settings.items() if name != "CASSANDRA_TLS_CERT"}
    assert "CASSANDRA_TLS_CERT and CASSANDRA_TLS_KEY need each other" in command(**lonely).stderr
    absent = {name: str(value) for name, value in (settings | {"CASSANDRA_TLS_CA": tmp_path / "nowhere"}).items()}
    assert "nowhere is absent; give the file, in PEM" in command(**absent).stderr
    scrawl = tmp_path / "scrawl"
    scrawl.write_text("no certificate")
    unread = {name: str(value) for name, value in (settings | {"CASSANDRA_TLS_CA": scrawl}).items()}
    assert "TLS_CA, TLS_CERT or TLS_KEY cannot be used" in command(**unread).stderr


def test_a_password_is_not_shown_to_whoever_listens(tmp_path: Path) -> None:
    """Nodes on other machines are not told it in plain text, and nothing is sent to them; the fix is named."""
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    ended = command(CASSANDRA="192.0.2.1", CASSANDRA_PASSWORD_FILE=str(secret))
    assert ended.returncode == 2
    assert "CASSANDRA_PASSWORD_FILE: nodes elsewhere would be shown it in plain text; give CASSANDRA_TLS_CA" in ended.stderr
    assert PASSWORD not in ended.stderr
