"""A cluster of somebody else: what its owner has named is used, and what it cannot do is said, never passed over in silence."""

from pathlib import Path

import pytest

from tests.cluster.foreign import ForeignCluster

NAMED = ("TANDEM_E2E_S3", "TANDEM_E2E_REGISTRY", "TANDEM_E2E_TAG", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> ForeignCluster:
    """One of which nothing is named yet, elsewhere than under CI."""
    for name in (*NAMED, "CI"):
        monkeypatch.delenv(name, raising=False)
    return ForeignCluster(kubeconfig=Path("theirs"), kubectl_program=Path("kubectl"))


def test_what_it_cannot_do_is_said(foreign: ForeignCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that would cut the power of its machines skips, with that reason; under CI it fails."""
    with pytest.raises(pytest.skip.Exception, match="the cluster of KUBECONFIG_TANDEM_E2E has no node kill: only a cluster of this"):
        foreign.node_kill("node1")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="has no host address"):
        assert foreign.host_address


def test_its_owner_names_a_store_and_where_images_are(foreign: ForeignCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a store no test can keep a checkpoint, and each says what to set; images are by default where they are built to."""
    with pytest.raises(pytest.skip.Exception, match="name one in TANDEM_E2E_S3, and its owner's key in AWS_ACCESS_KEY_ID and AWS_SECRET"):
        assert foreign.minio_endpoint
    assert foreign.chart_settings == {}
    for name in NAMED:
        monkeypatch.setenv(name, f"our {name}")
    assert (foreign.minio.endpoint, foreign.minio.secret_key) == ("our TANDEM_E2E_S3", "our AWS_SECRET_ACCESS_KEY")
    assert foreign.chart_settings == {"images.registry": "our TANDEM_E2E_REGISTRY", "images.tag": "our TANDEM_E2E_TAG"}
