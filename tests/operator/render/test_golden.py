"""Whole manifests, as they were recorded. `pytest --update` records them anew: read the diff."""

from pathlib import Path

import pytest

from . import golden_runs


@pytest.mark.parametrize("file", golden_runs.FILES, ids=lambda file: file.stem)
def test_manifests_are_as_they_were_recorded(file: Path, request: pytest.FixtureRequest) -> None:
    """The Service, the budget and every pod of the run, field by field."""
    if request.config.getoption("--update"):
        golden_runs.record(file)
    assert golden_runs.made(file) == golden_runs.recorded(file), f"{file.name} is rendered differently now; if that is right, use --update"
