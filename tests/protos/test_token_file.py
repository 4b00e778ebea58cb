"""Tokens follow their file."""

import os
from pathlib import Path

import pytest
from tandem_rpc import RpcSetupError
from tandem_rpc.token_file import TokenFile


def test_a_rotation_refuses_nobody(token_file: Path) -> None:
    """New below, new above, old gone: at every moment what callers send is accepted."""
    tokens = TokenFile(token_file)
    assert tokens.first() == "sesame"
    token_file.write_text("sesame\nopen\n")
    assert tokens.first() == "sesame"
    assert tokens.accepts(b"sesame")
    assert tokens.accepts(b"open")
    token_file.write_text("open\nsesame\n")
    assert tokens.first() == "open"
    token_file.write_text("open\n")
    assert not tokens.accepts(b"sesame")
    assert tokens.accepts(b"open")


def test_a_replaced_link_is_noticed(tmp_path: Path) -> None:
    """Kubernetes renews mounted secrets by moving a link; size and time of both files may be equal."""
    for name, token in (("old", "aaaa"), ("new", "bbbb")):
        (tmp_path / name).write_text(token)
        os.utime(tmp_path / name, (1, 1))
    link = tmp_path / "token"
    link.symlink_to("old")
    tokens = TokenFile(link)
    (tmp_path / "next").symlink_to("new")
    (tmp_path / "next").replace(link)
    assert tokens.first() == "bbbb"


def test_a_file_that_vanishes_changes_nothing(token_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The tokens read before still hold; the log says so once for each change, and shows none of them."""
    tokens = TokenFile(token_file)
    token_file.unlink()
    for _ in range(3):
        assert tokens.accepts(b"sesame")
    token_file.write_text("")
    for _ in range(3):
        assert tokens.accepts(b"sesame")
    assert ["still used" in each.message for each in caplog.records] == [True, True]
    assert "sesame" not in caplog.text
    token_file.write_text("open\n")
    assert not tokens.accepts(b"sesame")


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), (b" \n", "is empty"), ("é".encode(), "not ASCII")])
def test_an_unusable_file_is_named(tmp_path: Path, content: bytes | None, reason: str) -> None:
    """A server does not start with tokens that nobody could send."""
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RpcSetupError, match=reason) as caught:
        TokenFile(path)
    assert str(path) in str(caught.value)
