"""`python -m tandem_memory migrate`: a store that moves from one place to another, and what is said of it."""

import asyncio
import subprocess
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from tandem.memory.v1.memory_pb2 import Judged, Namespace, Record
from tandem_memory.backend import Pruning, StoreUnavailableError
from tandem_memory.embedded import Embedded
from tandem_memory.program import relocation
from tandem_memory.program.main import main
from tandem_memory.program.relocation import Progress
from tandem_memory.transfer.alike import differing

from tests.services.memory.driven import ALL, record
from tests.services.memory.program.conftest import Start, append, command, search


@pytest.fixture
def within(tmp_path: Path) -> Callable[..., None]:
    """Does something to the store in a folder of the test, which is let go after it."""

    def done(name: str, work: Callable[[Embedded], Coroutine[Any, Any, object]]) -> None:
        async def doing() -> None:
            store = Embedded(tmp_path / name)
            await work(store)
            await store.close()

        asyncio.run(doing())

    return done


@pytest.fixture
def migrate(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs the command from one folder of the test to another."""
    return lambda source, target: command("migrate", str(tmp_path / source), str(tmp_path / target))


async def filled(store: Embedded) -> None:
    """Used records and pruned ones, a second namespace, and one of which all was pruned."""
    done = await store.append("run-1", [record(f"{n}", key=f"k{n}" if n % 2 else "", score=n / 10) for n in range(10)], embedding="caller")
    await store.judge("run-1", [Judged(id=done[9].id, gain=1, source="local")])
    await store.prune("run-1", Pruning(among=ALL, keep_best=8))
    await store.append("other", [record()], embedding="hashed-4")
    await store.append("gone", [record()], embedding="caller")
    await store.prune("gone", Pruning(among=ALL, keep_best=0))


def test_it_moves_and_compares_and_goes_on(within: Any, migrate: Any) -> None:
    """A line for each namespace; given once more it finds all there, and moves only what has come."""
    within("here", filled)
    lines = ["gone: 0 records, 0 moved, the same in both", "other: 1 records, 1 moved, the same in both"]
    first = migrate("here", "there")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.splitlines() == [*lines, "run-1: 8 records, 8 moved, the same in both"]
    within("here", lambda store: store.append("run-1", [record("late")], embedding="caller"))
    assert migrate("here", "there").stdout.splitlines()[2] == "run-1: 9 records, 1 moved, the same in both"


def test_what_was_moved_is_served(start: Start, tmp_path: Path) -> None:
    """A service on the other folder finds what one on the first was given; while that one runs its store stays where it is."""
    service = start()
    service.stub().Append(append("what is kept", "something else"))
    folders = (str(tmp_path / "service" / "store"), str(tmp_path / "there"))
    early = command("migrate", *folders)
    assert (early.returncode, early.stderr.count("\n")) == (2, 1)
    assert early.stderr.startswith(f"tandem-memory: FROM: {folders[0]}: ")
    assert "is open in another process; stop that one first" in early.stderr
    assert service.terminate() == 0
    assert command("migrate", *folders).returncode == 0
    assert [hit.record.question for hit in start(FOLDER=folders[1]).stub().Search(search("kept?")).found[0].hits] == ["what is kept"]


def test_a_target_with_something_else_is_refused(within: Any, migrate: Any) -> None:
    """With the record and the fields that differ; the target stays as it was."""
    within("here", filled)
    within("there", lambda store: store.append("other", [record("mine", tags=["a"])], embedding="hashed-4"))
    ended = migrate("here", "there")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "tandem-memory: other: record 1 differs in question, at, tags, appended_at; give an empty target\n"

    async def untouched(store: Embedded) -> None:
        assert (await store.stats("other", ALL)).records == 1

    within("there", untouched)


def test_a_disk_that_gets_full_is_said(within: Any, disk: Path, tmp_path: Path) -> None:
    """In one line that says how to go on."""
    large = [record(f"{n}", answer="x" * (1 << 20)) for n in range(80)]
    within("here", lambda store: store.append("run-1", large, embedding="caller"))
    ended = command("migrate", str(tmp_path / "here"), str(disk / "there"))
    *_, last = ended.stderr.splitlines()  # before it the index says that it leaves no snapshot
    assert (ended.returncode, last.startswith("tandem-memory: "), "Traceback" in ended.stderr) == (74, True, False), ended.stderr
    assert last.endswith("; the same command goes on from there")


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("here", "s3://bucket/memory", "TO: 's3://bucket/memory' is neither a folder nor cassandra://node[,node...]/keyspace"),
        ("here", "", "TO: '' is neither a folder"),
        ("cassandra://10.0.0.1", "here", "FROM: 'cassandra://10.0.0.1' is neither a folder"),
        ("cassandra://10.0.0.1/Team", "here", "the keyspace of a-z, 0-9 and _"),
        ("here", "cassandra://10.0.0.1,10.0.0.2:9042/team", "TO: cassandra://10.0.0.1,10.0.0.2:9042/team names a port"),
        ("here", "./here", "TO: ./here is FROM"),
        ("absent", "here", "absent holds no store; give the folder that a service was given"),
        ("here", "cassandra://127.0.0.1/team", "TO: no cluster of Cassandra at 127.0.0.1: "),
        ("here", "file", "TO: "),
    ],
)
def test_a_place_that_cannot_be_used_is_named(within: Any, tmp_path: Path, source: str, target: str, said: str) -> None:
    """One line with the fix, exit code 2; nothing is begun where nothing was."""
    within("here", filled)
    (tmp_path / "file").write_text("")
    ended = command("migrate", source, target, within=tmp_path, FOLDER="that-of-the-service", CASSANDRA_PORT="9")
    assert (ended.returncode, said in ended.stderr, ended.stderr.count("\n")) == (2, True, 1), ended.stderr
    assert {each.name for each in tmp_path.iterdir()} == {"here", "file"}


@pytest.mark.parametrize(("end", "code"), [(StoreUnavailableError("no\nquorum"), 74), (KeyboardInterrupt(), 130)])
def test_what_was_broken_off_says_how_to_go_on(
    end: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On one line, with the exit code that `tandem` has for it."""

    def broken_off(*_: str) -> None:
        raise end

    monkeypatch.setattr(relocation, "relocated", broken_off)
    assert main(["migrate", "here", "there"]) == code
    said = capsys.readouterr().err
    assert (said.count("\n"), said.endswith("; the same command goes on from there\n")) == (1, True)


def test_a_long_move_says_how_far_it_is() -> None:
    """Every five seconds, and nothing of a short one."""
    said, now = list[str](), [0.0]
    progress = Progress(said.append, lambda: now[0])
    for number in range(1, 13):
        now[0] += 1
        progress.told("moving", Namespace(name="run-1", records=100_000), number)
    assert said == ["moving run-1: 5 of 100,000", "moving run-1: 10 of 100,000"]


def test_records_are_the_same_but_for_their_ids() -> None:
    """What is absent is not zero."""
    one = Record(id="1", question="q", metrics={"a": 1}, tags=["t"])
    assert not differing(one, Record(id="2", question="q", metrics={"a": 1}, tags=["t"]))
    assert differing(one, Record(question="q", metrics={"a": 2}, score=0)) == ["metrics", "score", "tags"]
