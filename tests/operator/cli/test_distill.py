"""`tandem distill` where there is nothing to teach, or nobody to teach it to."""

from pathlib import Path
from typing import Any

import pytest
from tandem_operator.local.state.home import Home

from tests.operator.cli.conftest import Desk
from tests.operator.plan.dual.runs import CLOUD, dual

ADDRESSED = {"name": "local", "kind": "Local", "url": "http://127.0.0.1:1234/v1", "model": "m"}
TAUGHT = {"name": "local", "kind": "Local", "engine": {"model": "/models/local"}}


@pytest.mark.parametrize(
    ("lane", "words"),
    [
        (ADDRESSED, "spec.lanes[1]: is reached by its address: give it an engine"),
        (TAUGHT, "pair: has no books yet, so there is nothing to teach"),
    ],
)
def test_a_run_that_cannot_be_distilled(desk: Desk, lane: dict[str, Any], words: str) -> None:
    """One line with the reason and the fix, exit code 2, and nothing is begun."""
    home = Home(desk.state)
    home.dual("pair").write_wanted(dual(lanes=[CLOUD, lane]))
    said = desk.tandem("distill", "pair")
    assert (said.returncode, said.stderr.count("\n")) == (2, 1)
    assert words in said.stderr
    assert [path.name for path in Path(desk.state, "runs").iterdir()] == ["pair"]


def test_runs_of_the_other_kind_and_none_at_all(desk: Desk) -> None:
    """A TrainingRun has no lanes, and a run that is not there is told as by all commands."""
    assert desk.tandem("run", desk.file(), "--plain").returncode == 0
    said = desk.tandem("distill", "demo")
    assert (said.returncode, said.stderr) == (2, "tandem: demo: is a TrainingRun, which has no lanes: name a DualRun\n")
    assert desk.tandem("distill", "nothing").returncode == 4
