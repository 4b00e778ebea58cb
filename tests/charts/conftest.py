"""What the tests of the chart share: a Helm, and the chart in its hands."""

from pathlib import Path

import pytest

from tests.charts.chart import Chart
from tests.parts.fixtures import program
from tests.parts.kubernetes_tools import HELM


@pytest.fixture(scope="session")
def helm(request: pytest.FixtureRequest) -> Path:
    return program(HELM, request.config)


@pytest.fixture(scope="session")
def chart(helm: Path) -> Chart:
    return Chart(helm=helm)
