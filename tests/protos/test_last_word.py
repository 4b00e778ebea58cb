"""What a process says of its end, to somebody who did not wait for it."""

from pathlib import Path

import pytest
from tandem_operator.local.process.folder import WorkerFolder
from tandem_rpc.process import last_word


@pytest.mark.parametrize(("code", "message"), [(0, ""), (93, "why\nnot")])
def test_a_word_is_there_whole_or_not_at_all(tmp_path: Path, code: int, message: str) -> None:
    """Whoever finds it can read it, and nothing lies beside it."""
    assert last_word.said({"TANDEM_SCRATCH": str(tmp_path)}, code, message) == code
    assert WorkerFolder(tmp_path).word() == (code, message)
    assert [path.name for path in tmp_path.iterdir()] == ["exit"]


@pytest.mark.parametrize("environ", [{}, {"TANDEM_SCRATCH": "/no/such/folder"}])
def test_where_nobody_looks_or_nothing_can_be_written_the_code_is_all(environ: dict[str, str]) -> None:
    """A full disk changes nothing of how a process ends."""
    assert last_word.said(environ, 7, "why") == 7
