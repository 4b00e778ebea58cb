"""What goes wrong with a store is said in one line, and nothing that was kept is lost."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.home import Home
from tests.e2e.scripts import spec

pytestmark = pytest.mark.slow


def started(home: Home, steps: int) -> Path:
    """A run of `steps` steps with a checkpoint every ten, gone to its end; its folder of checkpoints."""
    uri = (home.path / "kept").as_uri()
    assert home.tandem("run", home.write(spec(home.path, steps=steps, checkpoint={"everySteps": 10, "uri": uri}))).returncode == 0
    return home.path / "kept"


def damage(kept: Path) -> None:
    """One byte of the newest chunk."""
    newest = json.loads(max((kept / "manifests").iterdir()).read_text())
    chunk = next(path for path in (kept / "chunks").rglob("*") if path.is_file() and path.name in json.dumps(newest))
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 1
    chunk.write_bytes(data)


def from_the_future(kept: Path) -> None:
    """The newest manifest claims a version that nobody knows yet."""
    newest = max((kept / "manifests").iterdir())
    newest.write_text(newest.read_text().replace('"version":1', '"version":99').replace('"version": 1', '"version": 99'))


@pytest.mark.parametrize("harm", [damage, from_the_future])
def test_a_checkpoint_that_cannot_be_read_is_passed_over_for_the_one_before(home: Home, harm: Callable[[Path], None]) -> None:
    """The longer run goes on from step 20 instead of 30, with a line that says why; the damaged one is still there."""
    kept = started(home, 30)
    before = sorted(path.name for path in (kept / "manifests").iterdir())
    harm(kept)
    longer = spec(home.path, steps=40, checkpoint={"everySteps": 10, "uri": kept.as_uri(), "keepLast": 50})
    done = home.tandem("run", home.write(longer, "longer"))
    assert done.returncode == 0, done.stdout + done.stderr
    log = next(home.folder("longer").glob("workers/*/log")).read_text()
    assert log.count("checkpoint passed over") == 1
    assert "going on from step 20" in log
    assert set(before) <= {path.name for path in (kept / "manifests").iterdir()}


def test_checkpoints_of_which_none_can_be_read_stop_the_run_instead_of_burying_them(home: Home) -> None:
    """Starting again at step 0 would in time delete what a person might still save: the run fails, and says so."""
    kept = started(home, 20)
    for manifest in (kept / "manifests").iterdir():
        manifest.write_text("{")
    again = home.tandem("run", home.write(spec(home.path, steps=30, checkpoint={"uri": kept.as_uri()}), "again"))
    assert again.returncode == 1
    assert "none of the 2 checkpoints" in home.status("again")["message"]


def test_a_model_that_does_not_fit_the_checkpoint_is_refused(home: Home) -> None:
    """Another shape under the same address: one line with both shapes, no second attempt, the checkpoint untouched."""
    kept = started(home, 10)
    other = spec(home.path, steps=20, checkpoint={"uri": kept.as_uri()})
    program = home.path / "program.py"
    program.write_text(program.read_text().replace("Linear(8, 1)", "Linear(8, 2)"))
    refused = home.tandem("run", home.write(other, "other"))
    assert refused.returncode == 1
    status = home.status("other")
    assert status["attempt"] == 1
    assert len(status["message"].splitlines()) == 1
    assert len(list((kept / "manifests").iterdir())) == 1
