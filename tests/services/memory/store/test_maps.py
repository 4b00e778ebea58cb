"""Maps that are too small, and the ways to a larger one."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tandem_memory.backend import ReadingLostError
from tandem_memory.store import Snapshot, reading

from .conftest import OpenStore
from .jobs import NAMESPACE, append, commit, held, large

MIB = 1 << 20
SMALL = MIB


def test_a_map_grows(open_store: OpenStore) -> None:
    """A store that begins with the smallest map takes records of any size, and keeps what it had."""
    store = open_store(map_bytes=SMALL)
    keys: list[str] = []
    for number, size in enumerate([10, 300_000, 300_000, 300_000, 16 * MIB, 10, 40 * MIB]):
        keys.append(str(number))
        commit(store, append(large(str(number), size)))
        assert held(store) == keys
    store = open_store(map_bytes=SMALL)
    with store.reading() as transaction:
        sizes = [len(each.answer) for each in reading.records(transaction, store.namespace(NAMESPACE))]
    assert sizes == [10, 300_000, 300_000, 300_000, 16 * MIB, 10, 40 * MIB]
    assert store.check().findings == []


def test_a_group_is_done_once_although_the_map_grows(open_store: OpenStore) -> None:
    """A group that fills the map is done again in the larger one, as if for the first time."""
    store = open_store(map_bytes=SMALL)
    outcomes = commit(store, *(append(large(str(number), 200_000), large("same", 10)) for number in range(20)))
    assert [each.known for outcome in outcomes for each in outcome] == [False, False] + [False, True] * 19
    assert held(store) == ["0", "same", *map(str, range(1, 20))]
    assert [outcome[0].id for outcome in outcomes] == ["1", *map(str, range(3, 22))]


def test_readers_beside_a_growing_map(open_store: OpenStore) -> None:
    """Readers in other threads go on while the map moves, and see whole records only."""
    store = open_store(map_bytes=SMALL)
    commit(store, append(large("0", 50_000)))
    done, wrong = threading.Event(), list[int]()

    def read() -> None:
        while not done.is_set():
            with store.reading() as transaction:
                for each in reading.records(transaction, store.namespace(NAMESPACE)):
                    if each.answer != "x" * 50_000:
                        wrong.append(len(each.answer))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(1, 200):
        commit(store, append(large(str(number), 50_000)))
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert held(store) == [str(number) for number in range(200)]


def test_a_snapshot_ends_when_the_map_moves(open_store: OpenStore) -> None:
    """A long reading is of one moment for as long as it lasts; when the map must move, it ends with a word and holds up nobody."""
    store = open_store(map_bytes=SMALL)
    commit(store, append(large("a", 10)))
    with store.snapshot() as snapshot:
        commit(store, append(large("b", 10)))
        with snapshot.reading() as transaction:
            assert [each.key for each in reading.records(transaction, store.namespace(NAMESPACE))] == ["a"]
        commit(store, append(large("c", 2 * MIB)))
        with pytest.raises(ReadingLostError), snapshot.reading():
            pass
    assert held(store) == ["a", "b", "c"]


def test_a_snapshot_that_is_ended_while_it_is_read(open_store: OpenStore) -> None:
    """Who gives up a long reading does not pull it from under the thread that reads; the next part is refused."""
    store = open_store()
    commit(store, *(append(large(str(number), 1000)) for number in range(1000)))
    for _ in range(20):
        seen, begun = list[int](), threading.Event()

        def read(snapshot: Snapshot) -> None:
            with snapshot.reading() as transaction:
                for each in reading.records(transaction, store.namespace(NAMESPACE)):
                    seen.append(len(each.answer))  # noqa: B023 - it is joined within the turn
                    begun.set()  # noqa: B023

        with store.snapshot() as snapshot:
            reader = threading.Thread(target=read, args=(snapshot,))
            reader.start()
            begun.wait()
        reader.join()
        assert seen == [1000] * 1000
        with pytest.raises(ReadingLostError), snapshot.reading():
            pass


# Limits its own address space to 300 MiB more than it has, and fills a store.
CRAMPED = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from tandem_memory.backend import StoreFullError
from tandem_memory.store import Store
from tests.services.memory.store.jobs import append, commit, held, large
has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (has + (300 << 20),) * 2)
store = Store(Path(sys.argv[1]), now=lambda: datetime(2026, 1, 1, tzinfo=UTC), map_bytes=int(sys.argv[2]))
taken = []
try:
    while True:
        commit(store, append(large(str(len(taken)), 4 << 20)))
        taken.append(str(len(taken)))
except StoreFullError as error:
    print(error)
assert held(store) == taken and len(taken) > 10, taken
assert store.check().findings == []
"""


@pytest.mark.parametrize("map_bytes", [SMALL, 1 << 40])
def test_scarce_address_space(tmp_path: Path, map_bytes: int) -> None:
    """Where address space is limited the map takes what there is; what does not fit is refused, and what is there is served."""
    command = [sys.executable, "-c", CRAMPED, str(tmp_path / "store"), str(map_bytes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no address space" in done.stdout
