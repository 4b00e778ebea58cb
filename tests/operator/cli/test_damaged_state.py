"""Runs whose state is damaged hide no other."""

import json
import shutil
from typing import Any


def test_status_shows_the_others_and_says_what_is_damaged(desk: Any) -> None:
    """Exit 2, and for each a line with the name, the file, and the way on; also for programs."""
    desk.tandem("run", desk.file("sound"))
    files = [desk.state / "runs" / name for name in ("torn-1/spec.json", "torn-2/status.json")]
    for file in files:
        shutil.copytree(desk.state / "runs/sound", file.parent)
        file.write_text("{")
    table, told = desk.tandem("status"), desk.tandem("status", "-o", "json")
    assert (table.returncode, told.returncode) == (2, 2)
    assert [line.split()[0] for line in table.stdout.splitlines()] == ["NAME", "sound"]
    assert [run["metadata"]["name"] for run in json.loads(told.stdout)["items"]] == ["sound"]
    for ran in (table, told):
        said = ran.stderr.splitlines()
        assert len(said) == len(files)
        for line, file in zip(said, files, strict=True):
            assert line.startswith(f"tandem: {file.parent.name}: {file}: cannot be read"), line
            assert "tandem run" in line
