"""What the tests of the API share: the committed CRDs, and a small API server that holds one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.operator.api.api_server import ApiServer

_ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def root() -> Path:
    return _ROOT


@pytest.fixture(scope="session")
def schemas() -> Mapping[str, dict[str, Any]]:
    """The committed schemas, by kind."""
    documents = [yaml.safe_load(path.read_text()) for path in (_ROOT / "charts/tandem/crds").glob("*.yaml")]
    return {crd["spec"]["names"]["kind"]: crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for crd in documents}


@pytest.fixture(scope="session")
def training_runs(schemas: Mapping[str, dict[str, Any]]) -> ApiServer:
    """An API server that knows TrainingRun."""
    return ApiServer(schemas["TrainingRun"])


@pytest.fixture(scope="session")
def dual_runs(schemas: Mapping[str, dict[str, Any]]) -> ApiServer:
    """An API server that knows DualRun."""
    return ApiServer(schemas["DualRun"])
