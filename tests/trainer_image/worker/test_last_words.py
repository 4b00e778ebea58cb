"""What an agent leaves behind for whoever asks what became of it."""

from pathlib import Path

import pytest
from tandem_trainer import last_words


def test_kubelet_gets_as_much_as_it_shows(tmp_path: Path) -> None:
    """At most 4096 bytes, none of a character that does not fit whole, in place of what stood there, in the same file."""
    log = tmp_path / "termination-log"
    log.write_text("older " * 1000)
    inode = log.stat().st_ino
    last_words.for_kubelet(log, "x" + "é" * 4000)
    assert log.read_bytes() == ("x" + "é" * 2047).encode()
    last_words.for_kubelet(log, "short \ud800")
    assert log.read_text() == "short ?"
    assert log.stat().st_ino == inode


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "HF_TOKEN", "db_password", "WANDB_API_KEY"])
def test_secrets_are_struck_out(name: str) -> None:
    """Values of variables that are named like secrets, wherever they stand; everything else stays."""
    said = last_words.without_secrets(
        "cannot sign with s3cr3t+s3cr3t: s3cr3t-er", {name: "s3cr3t", "MAX_TOKENS": "cannot", "X_TOKEN": "with"}
    )
    assert said == "cannot sign with ***+***: ***-er"


def test_what_comes_out_of_a_secret_is_struck_out_whatever_its_name() -> None:
    """The pod says which variables those are; others stay, also where their names begin alike."""
    environ = {"TANDEM_SECRET_NAMES": "DB_PWD,DSN_URL", "DB_PWD": "hunter22", "DSN_URL": "db:5432/x", "DB_PWD_HINT": "a pet and a number"}
    said = last_words.without_secrets("hunter22 at db:5432/x is wrong: a pet and a number", environ)
    assert said == "*** at *** is wrong: a pet and a number"


@pytest.mark.parametrize("secret", ["hunter22\n", "-----BEGIN KEY-----\nabcd\nefgh\n-----END KEY-----\n"])
def test_a_secret_of_lines_is_struck_out_of_one_line(secret: str) -> None:
    """An error is told in one line, whatever was quoted in it."""
    environ = {"TANDEM_SECRET_NAMES": "CERT", "CERT": secret}
    assert last_words.without_secrets(f"ValueError: bad {' '.join(secret.split())} here", environ) == "ValueError: bad *** here"
    assert last_words.without_secrets(f"bad {secret}here", environ) == "bad ***here"


def test_where_whole_secrets_are_taken_any_variable_may_be_one() -> None:
    """Nobody knows their names: what is long enough goes, but for what is Tandem's own and what every image has."""
    told = {"DSN": "db/who:word", "MODE": "verbose", "HOME": "/tandem/scratch", "TANDEM_CACHE": "/tandem/cache"}
    text = "cannot open db/who:word, verbose, from /tandem/scratch to /tandem/cache"
    assert last_words.without_secrets(text, told) == text
    assert last_words.without_secrets(text, told | {"TANDEM_SECRET_NAMES": "KEY,*"}) == text.replace("db/who:word", "***")


def test_a_secret_inside_another_leaves_no_rest() -> None:
    """The longer one is struck out first."""
    assert last_words.without_secrets("abcdef-ghijkl", {"A_TOKEN": "abcdef", "B_TOKEN": "abcdef-ghijkl"}) == "***"


def test_the_token_for_telemetry_and_credentials_in_addresses_are_struck_out(tmp_path: Path) -> None:
    """The path of a token file is no secret, its content is."""
    token = tmp_path / "token"
    token.write_text("header.payload.signature\n")
    environ = {"TANDEM_TOKEN_FILE": str(token)}
    said = last_words.without_secrets(f"{token} holds header.payload.signature for https://user:word@host/x?a@b", environ)
    assert said == f"{token} holds *** for https://***@host/x?a@b"
    token.unlink()
    assert last_words.without_secrets("gone", environ) == "gone"
