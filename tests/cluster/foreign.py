"""A cluster that somebody else runs, as the environment names it: what its owner gives tests, and what they cannot do to it."""

import os
from collections.abc import Mapping
from typing import NoReturn

import pytest

from tests.cluster.any_cluster import AnyCluster
from tests.parts.minio_server import MinioServer
from tests.parts.part import required

KUBECONFIG = "KUBECONFIG_TANDEM_E2E"
_STORE, _REGISTRY, _TAG = "TANDEM_E2E_S3", "TANDEM_E2E_REGISTRY", "TANDEM_E2E_TAG"
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


class ForeignCluster(AnyCluster):
    """Somebody else's. Its nodes have our images, or a registry that they are pulled from; an object store is named.

    What it lacks, such as machines whose power may be cut, makes the test that asks for it skip; under CI, where nothing is left out, fail.
    """

    @property
    def chart_settings(self) -> Mapping[str, str]:
        """Where its nodes find our images."""
        told = {"images.registry": os.environ.get(_REGISTRY), "images.tag": os.environ.get(_TAG)}
        return {name: value for name, value in told.items() if value}

    @property
    def minio(self) -> MinioServer:
        """The object store that its owner has named; pods and this machine reach it at the same address."""
        endpoint, keys = os.environ.get(_STORE), [os.environ.get(name) for name in _KEYS]
        if not endpoint or not all(keys):
            lacks(f"no object store: name one in {_STORE}, and its owner's key in {' and '.join(_KEYS)}")
        return MinioServer(endpoint=endpoint, access_key=str(keys[0]), secret_key=str(keys[1]))

    @property
    def minio_endpoint(self) -> str:
        return self.minio.endpoint

    def new_bucket(self) -> str:
        """The name of a bucket of its own."""
        return self.minio.new_bucket()

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        lacks(f"no {name.replace('_', ' ')}: only a cluster of this machine (tests/cluster) has")


def lacks(what: str) -> NoReturn:
    """Leave a test out that wants what is not there, and say so; under CI it fails."""
    said = f"the cluster of {KUBECONFIG} has {what}"
    if required(os.environ):
        pytest.fail(said, pytrace=False)
    pytest.skip(said)
