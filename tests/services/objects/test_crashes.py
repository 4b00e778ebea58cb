"""A directory whose writers are killed: readers see whole objects, and nothing is left behind."""

import hashlib
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tandem_objects import NotFound, Store, open_store

OLD, NEW = b"old" * 1000, b"new" * 2000

# Writes once, and dies by SIGKILL at its first call of the function of `os` that it was given.
DIES_AT = """
import os, signal, sys
from tandem_objects import open_store
uri, method, moment = sys.argv[1:]
real = getattr(os, moment)
def dying(*arguments, **keywords):
    if moment == "write":
        real(arguments[0], arguments[1][: len(arguments[1]) // 2])
    os.kill(os.getpid(), signal.SIGKILL)
store = open_store(uri, {})
setattr(os, moment, dying)
getattr(store, method)("folder/key", memoryview(b"new" * 2000))
"""

# Puts versions that carry their own digest, for ever.
NEVER_ENDS = """
import hashlib, os, sys
from tandem_objects import open_store
store = open_store(sys.argv[1], {})
while True:
    body = os.urandom(1 << 20)
    store.put("key", hashlib.sha256(body).digest() + body)
    store.put_if_absent(f"once/{body[:8].hex()}", hashlib.sha256(body).digest() + body)
    print("put", flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store((tmp_path / "store").as_uri(), {})


def unfinished(store: Store) -> list[Path]:
    return list(Path(store.uri.removeprefix("file://")).rglob(".tandem-*"))


def run(script: str, *arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE)


@pytest.mark.parametrize("method", ["put", "put_large"])
@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
def test_killed_before_the_rename(store: Store, method: str, moment: str) -> None:
    """A writer that dies before its rename has written nothing; the next writer sweeps its half-made file."""
    store.put("folder/key", OLD)
    assert run(DIES_AT, store.uri, method, moment).wait() == -signal.SIGKILL
    assert store.get("folder/key") == OLD
    assert [info.key for info in store.list("")] == ["folder/key"]
    assert len(unfinished(store)) == 1
    open_store(store.uri, {}).put("other", b"")
    assert unfinished(store) == []


@pytest.mark.parametrize(("moment", "committed"), [("write", False), ("fsync", False), ("link", False), ("unlink", True)])
def test_killed_during_a_commit(store: Store, moment: str, committed: bool) -> None:  # noqa: FBT001
    """A commit that dies before its link has not happened, and after it has; whoever comes next is told which."""
    assert run(DIES_AT, store.uri, "put_if_absent", moment).wait() == -signal.SIGKILL
    assert [info.key for info in store.list("")] == (["folder/key"] if committed else [])
    assert store.put_if_absent("folder/key", b"second") is not committed
    assert store.get("folder/key") == (NEW if committed else b"second")
    store.put("other", b"")
    assert unfinished(store) == []


def test_killed_at_random_moments(store: Store) -> None:
    """Readers beside writers that are killed again and again read whole versions only, and the last writer cleans up."""
    luck = random.Random(7)
    for _ in range(10):
        with run(NEVER_ENDS, store.uri) as writer:
            assert writer.stdout
            for _ in range(luck.randrange(1, 4)):
                writer.stdout.readline()
            for _ in range(luck.randrange(20)):
                assert_whole(store.get("key"))
            writer.kill()
        for info in store.list("once/"):
            assert_whole(store.get(info.key))
    open_store(store.uri, {}).put("other", b"")
    assert unfinished(store) == []


def assert_whole(version: bytes) -> None:
    assert hashlib.sha256(version[32:]).digest() == version[:32]


def test_a_reader_without_a_writer_yet(store: Store) -> None:
    """Before the first put there is nothing, and no folder is made by looking."""
    with pytest.raises(NotFound):
        store.get("key")
    assert not Path(store.uri.removeprefix("file://")).exists()
