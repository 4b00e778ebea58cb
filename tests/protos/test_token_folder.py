"""Callers with a token each."""

from pathlib import Path

import grpc
import pytest
from tandem_rpc import Refused, RpcSetupError
from tandem_rpc.verifiers.token_folder import TokenFolder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "tokens"
    made.mkdir()
    (made / "cloud").write_text("sesame\nolder\n")
    (made / "local").write_text("simsim\n")
    (made / "..data").write_text("hidden\n")  # Kubernetes keeps the files of a mounted secret behind such names
    return made


def code_of(verify: TokenFolder, token: str) -> grpc.StatusCode:
    with pytest.raises(Refused) as caught:
        verify(token)
    return caught.value.code


def test_a_token_says_who_calls(folder: Path) -> None:
    """Each of several tokens in a file does, and nothing else does."""
    verify = TokenFolder(folder)
    owners = [verify(token).identity for token in ("sesame", "older", "simsim")]
    assert owners == ["token:cloud", "token:cloud", "token:local"]
    for wrong in ("sesam", "", "hidden", "sesame\n"):
        assert code_of(verify, wrong) is grpc.StatusCode.UNAUTHENTICATED


def test_callers_come_and_go(folder: Path) -> None:
    """Files that are added, changed and removed count at once."""
    verify = TokenFolder(folder)
    (folder / "edge").write_text("open\n")
    assert verify("open").identity == "token:edge"
    (folder / "edge").write_text("changed!\n")
    assert code_of(verify, "open") is grpc.StatusCode.UNAUTHENTICATED
    assert verify("changed!").identity == "token:edge"
    (folder / "edge").unlink()
    assert code_of(verify, "changed!") is grpc.StatusCode.UNAUTHENTICATED


def test_a_file_that_cannot_be_used_is_nobodys(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """All others are let in. It is named once, and counts as soon as it can be used."""
    verify = TokenFolder(folder)
    (folder / "edge").write_text("")
    for _ in range(3):
        assert verify("sesame").identity == "token:cloud"
    assert [str(folder / "edge") in each.message for each in caplog.records] == [True]
    (folder / "edge").write_text("open\n")
    assert verify("open").identity == "token:edge"


def test_a_folder_that_is_gone_lets_nobody_in(folder: Path) -> None:
    """Nobody is refused for good either: it may be there again in a moment."""
    verify = TokenFolder(folder)
    folder.rename(folder.with_name("moved"))
    assert code_of(verify, "sesame") is grpc.StatusCode.UNAVAILABLE


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """Absent, or empty."""
    with pytest.raises(RpcSetupError, match=r"token_folder: .*absent cannot be read"):
        TokenFolder(tmp_path / "absent")
    with pytest.raises(RpcSetupError, match=r"token_folder: .* is empty"):
        TokenFolder(tmp_path)
