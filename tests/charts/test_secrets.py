"""Secrets: kept in Secrets alone, and good for what they are made for."""

import base64
import ssl

import pytest

from tests.charts.chart import MODES, Chart, containers, named, of_kind, pods

NAMES = [
    f"tandem-{service}{rest}" for service in ("telemetry", "memory") for rest in (".tandem.svc", ".tandem.svc.cluster.local", ".tandem", "")
]


@pytest.mark.parametrize("mode", MODES)
def test_no_secret_stands_anywhere_but_in_secrets(chart: Chart, mode: str) -> None:
    """Not in an argument, a variable, a ConfigMap or an annotation; encoded or not."""
    documents = chart.template(*MODES[mode])
    secrets = {value for each in of_kind(documents, "Secret") for name, value in each["data"].items() if not name.endswith(".crt")}
    told = str([each for each in documents if each["kind"] != "Secret"])
    assert not [value for value in secrets if value in told or base64.b64decode(value).decode() in told]


def test_keys_reach_containers_by_reference_only(chart: Chart) -> None:
    """A variable that sounds like a key is taken from a Secret."""
    found = [
        variable
        for pod in pods(chart.template(*MODES["minio"])).values()
        for container in containers(pod)
        for variable in container.get("env", ())
        if variable["name"].endswith(("_PASSWORD", "_ROOT_USER", "_ACCESS_KEY", "_KEY_ID"))
    ]
    assert [each["valueFrom"]["secretKeyRef"]["name"] for each in found] == ["tandem-minio", "tandem-minio"]


def test_a_key_is_never_the_same_twice(chart: Chart) -> None:
    """Certificates and keys are made for each installation, not shipped."""
    secrets = [of_kind(chart.template(*MODES["minio"], fresh=True), "Secret") for _ in range(2)]
    first, second = ({value for each in made for value in each["data"].values()} for made in secrets)
    assert len(first) == 6
    assert not first & second


def test_minios_key_is_where_runs_are(chart: Chart) -> None:
    """In its own namespace, and in those of the runs; with one namespace in that one."""
    for mode, spaces in {
        "minio": ["tandem", "default"],
        "minio, one namespace": ["tandem", "teams"],
        "minio with a key of yours": [],
    }.items():
        found = [each for each in of_kind(chart.template(*MODES[mode]), "Secret") if "AWS_ACCESS_KEY_ID" in each["data"]]
        assert [each["metadata"]["namespace"] for each in found] == spaces
        assert len({str(each["data"]) for each in found}) <= 1
        assert all({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} == each["data"].keys() for each in found)


@pytest.mark.parametrize("name", NAMES)
def test_the_certificate_is_believed_under_the_services_names(chart: Chart, tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """A client that knows the authority shakes hands under each name, and under no other."""
    folder, secret = tmp_path_factory.mktemp("tls"), f"{name.partition('.')[0]}-tls"
    for file, text in named(chart.template(*MODES["memory"]), "Secret", secret)["data"].items():
        (folder / file).write_bytes(base64.b64decode(text))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    client = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    _shake_hands(client, server, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        _shake_hands(client, server, "elsewhere.tandem.svc")


def _shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> None:
    """A TLS handshake in memory."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(down, up, server_hostname=name), server.wrap_bio(up, down, server_side=True)]
    for _ in range(4):  # flights of a handshake, at most
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                continue
    assert not ends
