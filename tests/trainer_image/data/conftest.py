"""Small folders of text."""

from pathlib import Path

import pytest
from tandem_trainer.data import prepare
from tandem_trainer.job import Data


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "deep").mkdir(parents=True)
    for number in range(6):
        (folder / f"{number}.py").write_text(f"# file {number}\n" + f"value_{number} = {number}\n" * (20 + number))
    (folder / "deep" / "last.py").write_text("print('last')\n" * 10)
    (folder / "notes.txt").write_text("not included")
    return folder


@pytest.fixture
def prepared(source: Path, tmp_path: Path) -> Path:
    return prepare.ensure(Data(source=str(source)), tmp_path / "cache")
