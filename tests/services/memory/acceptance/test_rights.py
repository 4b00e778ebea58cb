"""Who may do what where, and the file that says it."""

import logging
from pathlib import Path

import grpc
import pytest
from tandem_memory.program.rights_file import RightsFile
from tandem_memory.rights import Grant, Right, Rights, matches
from tandem_rpc import Caller, Refused, RpcSetupError

WORKER = Caller(identity="system:serviceaccount:team-a:worker", namespace="team-a")
READER, ADMIN, NOBODY = (Caller(identity=f"token:{name}") for name in ("reader", "admin", "nobody"))
RIGHTS = Rights(
    grants=(
        Grant(who="system:serviceaccount:team-a:*", namespaces=("team-a/*",), may=Right.APPEND),
        Grant(who="system:serviceaccount:*", namespaces=("shared",), may=Right.READ),
        Grant(who="token:reader", namespaces=("*",), may=Right.READ),
        Grant(who="token:admin", namespaces=("*",), may=Right.ADMIN),
        Grant(who="token:admin", namespaces=("*",), may=Right.READ),
    ),
    told_apart=True,
)
FILE = """
grants:
  - {who: "token:reader", namespaces: ["*"], may: read}
  - who: system:serviceaccount:team-a:*
    namespaces: [team-a/*, shared]
    may: append
"""


@pytest.mark.parametrize(
    ("who", "namespace", "has"),
    [
        (WORKER, "team-a/run", Right.APPEND),
        (WORKER, "team-a/", Right.APPEND),
        (WORKER, "team-a", None),
        (WORKER, "team-b/run", None),
        (WORKER, "shared", Right.READ),
        (WORKER, "shared/x", None),
        (READER, "team-a/run", Right.READ),
        (ADMIN, "any.thing", Right.ADMIN),
        (NOBODY, "shared", None),
    ],
)
def test_the_highest_grant_counts(who: Caller, namespace: str, has: Right | None) -> None:
    """Whatever order they stand in; what is not granted is not allowed."""
    assert RIGHTS.highest(who, namespace) == has
    for needed in Right:
        if has is not None and has >= needed:
            RIGHTS.check(who, namespace, needed)
            continue
        with pytest.raises(Refused) as caught:
            RIGHTS.check(who, namespace, needed)
        assert caught.value.code is grpc.StatusCode.PERMISSION_DENIED
        assert caught.value.field == "namespace"
        assert who.identity in caught.value.message
        assert repr(namespace) in caught.value.message


def test_what_concerns_all_needs_an_admin_of_all() -> None:
    """An admin of some namespaces is none of the store."""
    RIGHTS.check_everywhere(ADMIN)
    local = Rights(grants=(Grant(who="*", namespaces=("team-a/*",), may=Right.ADMIN),), told_apart=True)
    for rights, who in ((RIGHTS, READER), (RIGHTS, WORKER), (local, NOBODY)):
        with pytest.raises(Refused, match="admin of all namespaces"):
            rights.check_everywhere(who)


def test_where_nobody_is_told_apart_everybody_is_admin() -> None:
    """One machine, or one shared token."""
    Rights().check(None, "any", Right.ADMIN)
    Rights().check_everywhere(None)


def test_who_must_be_known_cannot_come_without_a_name() -> None:
    """A server that forgot to ask who calls would be a hole, so that is an error of ours."""
    for ask in (lambda: RIGHTS.highest(None, "n"), lambda: RIGHTS.check_everywhere(None)):
        with pytest.raises(AssertionError):
            ask()


@pytest.mark.parametrize(
    ("pattern", "name", "so"),
    [("*", "", True), ("a*c", "a/b/c", True), ("a*", "b", False), ("a.c", "abc", False), ("a*b*c", "a1b2c", True), ("A", "a", False)],
)
def test_a_star_is_all_that_is_special(pattern: str, name: str, *, so: bool) -> None:
    """Other characters stand for themselves."""
    assert matches(pattern, name) is so


def test_the_file_says_it(tmp_path: Path) -> None:
    """YAML, or JSON, which is YAML, too."""
    path = tmp_path / "rights"
    path.write_text(FILE)
    assert RightsFile(path).current().highest(WORKER, "shared") is Right.APPEND
    path.write_text('{"grants": [{"who": "*", "namespaces": ["n"], "may": "admin"}]}')
    assert RightsFile(path).current().highest(NOBODY, "n") is Right.ADMIN


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("grants:\n  - {who: a, namespaces: [n], may: write}\n", 2, "grants.0.may: 'write'"),
        ("grants:\n  - {who: a, namespaces: [n], may: read}\n  - {who: b, may: read}\n", 3, "grants.1.namespaces"),
        ("grants:\n  - who: a\n    namespaces: [Team]\n    may: read\n", 3, "grants.0.namespaces.0: 'Team'"),
        ("grants:\n  - {who: a, namespaces: [], may: read}\n", 2, "grants.0.namespaces"),
        ("grants:\n  - {who: a, namespaces: [n], may: read, not: b}\n", 2, "grants.0.not"),
        ("grants: [\n  {who: a\n", 3, "YAML"),
        ("allow: []\n", 1, "grants"),
        ("", 1, "grants"),
        ("nonsense\n", 1, "grants: 'nonsense': is no mapping; give each grant who"),
        ("grants: 5\n", 1, "grants: '5': is no list; give each grant who"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    """So a service never starts with rights that nobody meant."""
    path = tmp_path / "rights"
    path.write_text(text)
    with pytest.raises(RpcSetupError) as caught:
        RightsFile(path)
    assert str(caught.value).startswith(f"rights_file: {path} line {line}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    """With its path."""
    with pytest.raises(RpcSetupError, match=r"absent cannot be read \(No such file or directory\)"):
        RightsFile(tmp_path / "absent")


def test_a_changed_file_counts_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One that became unusable, or is gone, leaves the last good one in force, and is warned of once."""
    path = tmp_path / "rights"
    path.write_text(FILE)
    file = RightsFile(path)
    path.write_text(FILE.replace("may: append", "may: admin"))
    assert file.current().highest(WORKER, "shared") is Right.ADMIN
    with caplog.at_level(logging.WARNING):
        path.write_text("grants: 3")
        for _ in range(3):
            assert file.current().highest(WORKER, "shared") is Right.ADMIN
        path.unlink()
        for _ in range(3):
            assert file.current().highest(WORKER, "shared") is Right.ADMIN
    assert ["the rights read before still hold" in record.message for record in caplog.records] == [True, True]
    path.write_text(FILE)
    assert file.current().highest(WORKER, "shared") is Right.APPEND
