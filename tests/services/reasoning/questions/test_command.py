"""A question set is checked by a command, as its coordinator would."""

import subprocess
import sys
from pathlib import Path


def checked(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tandem_reasoning.questions", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_set_that_can_be_used_is_counted(tmp_path: Path) -> None:
    """Its fields may have other names, and only so many lines of it are of interest."""
    source = tmp_path / "q.jsonl"
    source.write_text('{"key": "a", "asked": "1+1?"}\n{"key": "b", "asked": "1+2?"}\nno JSON\n')
    ran = checked("--id-field=key", "--question-field=asked", "--limit=2", source)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"{source}: 2 questions\n", "")


def test_each_mistake_is_a_line(tmp_path: Path) -> None:
    """Exit code 2; each line names the line of the file, the field and the fix."""
    source = tmp_path / "q.jsonl"
    source.write_text('{"id": "a", "question": "1+1?"}\n{"id": "a", "question": "2?"}\n{"id": "c"}\n')
    ran = checked(source)
    assert (ran.returncode, ran.stderr) == (2, "")
    double, missing = ran.stdout.splitlines()
    assert double == f'{source}:2: field "id": "a" is the name of line 1, too; give each question a name of its own'
    assert missing.startswith(f'{source}:3: field "question" is missing; ')


def test_a_set_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    """It is named, and no traceback is printed."""
    ran = checked(tmp_path / "none.jsonl")
    assert (ran.returncode, ran.stderr) == (2, "")
    assert ran.stdout == f"{tmp_path}/none.jsonl: cannot be read (No such file or directory); name a file that is there and may be read\n"
