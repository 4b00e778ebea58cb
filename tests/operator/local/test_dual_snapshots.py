"""What is known here of the snapshots of a DualRun's books."""

import hashlib
from pathlib import Path

from tandem_objects import open_store
from tandem_operator.local.dual.snapshots import newest
from tandem_operator.local.state.run_folder import DualFolder
from tandem_reasoning.coordinator.keeping.shelf import Manifest, Shelf

from tests.operator.plan.dual.runs import dual


def taken(uri: str, uid: str, folder: Path, *, term: int, number: int, answered: int) -> None:
    """A coordinator takes a snapshot."""
    file = folder / "books"
    file.write_bytes(b"books")
    sha256, sums = hashlib.sha256(b"books").hexdigest(), {"spent_nano": 0, "reserved_nano": 0, "ended": False}
    manifest = Manifest(term=term, number=number, run=uid, bytes=5, sha256=sha256, at=1_800_000_000.0, answered=answered, **sums)
    Shelf(open_store(uri, {}), uid).put(file, manifest)


def test_the_newest_snapshot_is_that_of_the_latest_coordinator(tmp_path: Path) -> None:
    """As its own shelf has it, in the run's folder or another; those of other runs there are none of its own."""
    folder, elsewhere = DualFolder(tmp_path / "pair"), f"file://{tmp_path}/elsewhere"
    for uri, run in ((f"file://{folder.path}/checkpoints", dual()), (elsewhere, dual(checkpoint={"uri": elsewhere}))):
        assert newest(run, folder) is None
        taken(uri, "another", tmp_path, term=9, number=9, answered=99)
        assert newest(run, folder) is None
        for term, number, answered in ((1, 3, 60), (2, 1, 50)):
            taken(uri, run.metadata.uid, tmp_path, term=term, number=number, answered=answered)
        found = newest(run, folder)
        assert found
        assert (found.step, f"{found.at:%Y}", found.uri.endswith("/5f0c/manifests/00000002-00000001.json")) == (50, "2027", True)


def test_what_cannot_be_read_is_no_snapshot(tmp_path: Path) -> None:
    """A torn manifest keeps no run from going on, and nobody waits for an object store at each look."""
    folder, run = DualFolder(tmp_path), dual()
    manifests = tmp_path / "checkpoints" / "5f0c" / "manifests"
    manifests.mkdir(parents=True)
    (manifests / "00000001-00000001.json").write_text('{"answered": 3')
    assert newest(run, folder) is None
    assert newest(dual(checkpoint={"uri": "s3://bucket/x"}), folder) is None
