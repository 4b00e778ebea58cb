"""From files to shards: once, the same for everybody, and a clear line when it cannot be."""

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from tandem_trainer.data import prepare, sources
from tandem_trainer.data.shards import Shards
from tandem_trainer.job import Data
from tandem_trainer.refusal import Refusal


def _text(folder: Path) -> list[bytes]:
    opened = Shards(folder)
    window = np.empty((1, opened.index.tokens), dtype=np.int64)
    opened.read(np.array([0]), window)
    documents, end = [bytearray()], opened.index.special.end
    for token in window[0].tolist():
        documents.append(bytearray()) if token == end else documents[-1].append(token)
    return [bytes(document) for document in documents[:-1]]


def test_shards_hold_the_files_in_order_of_their_names(source: Path, prepared: Path) -> None:
    """What comes back are the included files' bytes, each ended by the end token."""
    assert _text(prepared) == [path.read_bytes() for path in [*sorted(source.glob("*.py")), source / "deep" / "last.py"]]
    assert Shards(prepared).index.vocabulary == 320


def test_a_file_is_learned_from_by_itself(source: Path, tmp_path: Path) -> None:
    """Whatever its name, and whatever else is called so below: one text, the file's."""
    (text := source / "story.txt").write_bytes(b"Once upon a time.\n")
    (source / "deep" / "story.txt").write_text("Another one.\n")
    assert _text(prepare.ensure(Data(source=str(text)), tmp_path / "cache")) == [b"Once upon a time.\n"]


def test_a_second_call_finds_what_the_first_made(source: Path, tmp_path: Path) -> None:
    """The cache answers without a word; an edited file makes new shards."""
    said: list[str] = []
    first = prepare.ensure(Data(source=str(source)), tmp_path / "cache", said.append)
    words = len(said)
    assert prepare.ensure(Data(source=f"file://{source}"), tmp_path / "cache", said.append) == first
    assert len(said) == words > 0
    (source / "0.py").write_text("changed = True\n")
    assert prepare.ensure(Data(source=str(source)), tmp_path / "cache", said.append) != first


def test_the_same_files_elsewhere_have_the_same_digest(source: Path, prepared: Path, tmp_path: Path) -> None:
    """Two machines that prepare for themselves agree on what they made."""
    moved = source.rename(tmp_path / "moved")
    other = prepare.ensure(Data(source=str(moved)), tmp_path / "other")
    assert Shards(other).index.digest == Shards(prepared).index.digest


def test_two_at_once_make_one(source: Path, tmp_path: Path) -> None:
    """Whoever comes second waits, and nothing half-made is left behind."""
    made: list[Path] = []
    said: list[str] = []
    cache = tmp_path / "cache"
    callers = [threading.Thread(target=lambda: made.append(prepare.ensure(Data(source=str(source)), cache, said.append))) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert (len(made), len(set(made))) == (4, 1)
    assert len([line for line in said if "making tokens of" in line]) == 1
    assert [path for path in (tmp_path / "cache").iterdir() if path.is_dir()] == [made[0]]


def test_a_failure_leaves_nothing_behind(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk in the middle: no folder under the final name, no temporary one."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tandem_trainer.data.shards.write", full)
    with pytest.raises(OSError, match="No space"):
        prepare.ensure(Data(source=str(source)), tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]


def test_files_that_are_no_text_are_left_out_and_counted(source: Path, tmp_path: Path) -> None:
    """Binary files and files in another encoding teach nothing."""
    (source / "binary.py").write_bytes(b"x\0y" * 50)
    (source / "latin.py").write_bytes("größe".encode("latin-1") * 20)
    said: list[str] = []
    folder = prepare.ensure(Data(source=str(source)), tmp_path / "cache", said.append)
    assert Shards(folder).index.documents == 7
    assert "2 files left out" in said[-1]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (Data(source="/nowhere/at/all"), "data.source: /nowhere/at/all is neither a folder nor a file: name one that exists"),
        (Data(source="s3://bucket/code"), "data.source: s3://bucket/code is not local"),
        (Data(source="SOURCE", include=("*.rs",)), "matches *.rs: change data.source or data.include"),
        (Data(source="SOURCE", tokenizer="words"), "data.tokenizer: words is neither bytes nor a file"),
        (Data(source="SOURCE/empty"), "no text in UTF-8 in"),
        (Data(source="SOURCE/short.txt"), ": 15 tokens are too few to learn from: bring 16 or more"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_in_one_line(source: Path, tmp_path: Path, data: Data, line: str) -> None:
    """The line names the field, the value and the fix."""
    (source / "empty").mkdir()
    (source / "empty" / "nothing.py").touch()
    (source / "short.txt").write_text("no more than 1")
    with pytest.raises(Refusal) as refused:
        prepare.ensure(data.model_copy(update={"source": data.source.replace("SOURCE", str(source))}), tmp_path / "cache")
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_standard_library_is_there_without_its_tests() -> None:
    """The quickstart's data: some hundred modules, none of them a test."""
    found = sources.find(Data())
    assert len(found.files) > 300
    assert found.total_bytes < 30e6
    assert not [name for name in found.files if name.startswith(("test/", "site-packages/"))]


def test_the_command_prints_the_folder_and_refuses_politely(source: Path, tmp_path: Path) -> None:
    """`python -m tandem_trainer.data.prepare`: the folder on stdout, 93 and one line for a mistake; no torch is loaded."""
    command = [sys.executable, "-X", "importtime", "-m", "tandem_trainer.data.prepare", "--out", str(tmp_path / "out")]
    done = subprocess.run([*command, "--source", str(source)], capture_output=True, text=True, check=True)
    assert Shards(Path(done.stdout.strip())).index.documents == 7
    assert "torch" not in done.stderr
    refused = subprocess.run([*command, "--source", str(source / "none")], capture_output=True, text=True, check=False)
    assert refused.returncode == 93
    assert refused.stderr.splitlines()[-1].startswith("data.source: ")
