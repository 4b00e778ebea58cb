"""The chart's MinIO has its bucket from the start, though nobody has made one: a folder on its drive is a bucket."""

from pathlib import Path

from tandem_objects import open_store

from tests.charts.chart import MODES, Chart, environment, named, pods
from tests.parts.minio_server import serving


def test_a_folder_that_was_there_before_minio_is_a_bucket(chart: Chart, minio_program: Path, tmp_path: Path) -> None:
    """What the init container does is enough for checkpoints: objects are put if absent, and read back."""
    documents = chart.template(*MODES["minio"])
    (bucket,) = pods(documents)["tandem-minio"]["initContainers"]
    made = Path(bucket["command"][-1])
    assert bucket["command"][:-1] == ["mkdir", "-p"]
    (tmp_path / "drive" / made.relative_to("/data")).mkdir(parents=True)
    told = environment(pods(documents)["tandem-operator"]["containers"][0])
    with serving(minio_program, tmp_path / "drive", tmp_path / "log") as server:
        store = open_store(told["TANDEM_OPERATOR_CHECKPOINT_URI"], server.environ)
        assert store.put_if_absent("claims/1.json", b"one")
        assert not store.put_if_absent("claims/1.json", b"two")
        assert store.get("claims/1.json") == b"one"


def test_minio_is_started_as_the_tests_start_it(chart: Chart) -> None:
    """One server, one drive, the mounted one, at the port of its service."""
    documents = chart.template(*MODES["minio"])
    (container,) = pods(documents)["tandem-minio"]["containers"]
    (claim,) = named(documents, "StatefulSet", "tandem-minio")["spec"]["volumeClaimTemplates"]
    (drive,) = [mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == claim["metadata"]["name"]]
    (port,) = named(documents, "Service", "tandem-minio")["spec"]["ports"]
    assert container["command"][:2] == ["minio", "server"]
    assert container["command"][-1] == drive
    assert f":{port['port']}" in container["command"]
