"""Files that somebody or something has written to: it is noticed, and said where."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tandem.memory.v1.memory_pb2 import Finding, Judged, Record
from tandem_memory.backend import DamagedError, ReadingLostError
from tandem_memory.store import Judge, Remove, Store, reading
from tandem_memory.store.disk.tables import Table, named, packed, place
from tandem_memory.store.disk.transaction import Transaction

from tests.services.memory.driven import record

from .conftest import now
from .jobs import NAMESPACE, append, commit, large

PAGE = 4096


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Some of everything, which a check goes through in parts."""
    monkeypatch.setattr("tandem_memory.store.checking.tables._AT_ONCE", 7)
    with closing(Store(tmp_path / "store", now=now)) as store:
        commit(store, append(*(record(f"question {number}", key=f"key {number}") for number in range(100)), large("large", 9000)))
        store.commit([Judge(namespace=NAMESPACE, judged=[Judged(id="7", gain=1, key="judged"), Judged(id="8", gain=1)])])
        store.commit([Remove(namespace=NAMESPACE, positions=[1, 2])])
        assert store.check().findings == []
        yield store


def data(store: Store) -> Path:
    return store._environment.folder / "data.mdb"


def flip(file: Path, content: bytes) -> None:
    """Flip one bit in every place that holds `content`."""
    whole = file.read_bytes()
    assert content in whole
    with file.open("r+b") as written:
        at = whole.find(content)
        while at >= 0:
            written.seek(at)
            written.write(bytes([content[0] ^ 1]))
            at = whole.find(content, at + 1)


def said(store: Store) -> list[str]:
    return [f"{finding.namespace}|{finding.where}|{finding.what}" for finding in store.check().findings]


def test_a_flipped_bit_in_a_record(store: Store) -> None:
    """A record that is not as it was written is never given out, and the check says which it is."""
    flip(data(store), b"question 50")
    with store.reading() as transaction:
        namespace = store.namespace(NAMESPACE)
        with pytest.raises(DamagedError, match="records 1/51: not as it was written"):
            reading.record(transaction, namespace, 51, vectors=False)
        assert reading.record(transaction, namespace, 52, vectors=False)
    assert "n|records 1/51|not as it was written" in said(store)


def test_a_flipped_bit_in_a_large_record(store: Store) -> None:
    """The same of a record that fills pages of its own."""
    flip(data(store), b"x" * 8000)
    assert "n|records 1/101|not as it was written" in said(store)


def test_what_is_damaged_is_not_judged(store: Store) -> None:
    """Neither a damaged record nor one whose use is damaged: others of the same call are, once."""
    flip(data(store), b"question 50")
    store._environment.write(lambda write: write.repeat((Table.USE, place(1, 7), b"1234use")))
    judged = [Judged(id=each, gain=1, key=f"judged {each}") for each in ("7", "51", "52")]
    assert store.commit([Judge(namespace=NAMESPACE, judged=judged)]).outcomes == [1]
    assert store.commit([Judge(namespace=NAMESPACE, judged=judged)]).outcomes == [0]
    assert {"n|records 1/51|not as it was written", "n|use 1/7|not as it was written"} < set(said(store))


def test_what_is_damaged_is_removed(store: Store) -> None:
    """As any other record, with its key where that can be read."""
    flip(data(store), b"question 50")
    assert store.commit([Remove(namespace=NAMESPACE, positions=[50, 51, 52])]).outcomes == [[50, 51, 52]]
    assert said(store) == []
    assert not commit(store, append(record("question 50", key="key 50")))[0][0].known


@pytest.mark.parametrize("kept", [b"", b"1234", b"1234" + bytes(8) + b"\xff"])
def test_a_key_that_cannot_be_read_is_free(store: Store, kept: bytes) -> None:
    """It leads to nothing once its record is removed, which a check tells until the next record is taken in under it."""
    store._environment.write(lambda write: write.repeat((Table.RECORDS, place(1, 51), kept)))
    assert store.commit([Remove(namespace=NAMESPACE, positions=[51])]).outcomes == [[51]]
    assert said(store) == ["n|keys 1/key 50|leads to position 51, where no record says so"]
    assert [each.known for each in commit(store, append(record("again", key="key 50"), record("again", key="key 50")))[0]] == [False, True]
    assert said(store) == []


def test_a_damaged_record_does_not_lead_to_the_key_of_another(store: Store) -> None:
    """The key that it says, after a bit of it was flipped, stays where it leads."""
    other = Record(key="key 60").SerializeToString()
    store._environment.write(lambda write: write.repeat((Table.RECORDS, place(1, 51), b"1234" + bytes(8) + other)))
    store.commit([Remove(namespace=NAMESPACE, positions=[51])])
    assert commit(store, append(record("question 60", key="key 60")))[0][0].known


def values(transaction: Transaction, table: Table) -> dict[bytes, bytes]:
    return dict(transaction.walk(table))


WRONG = {
    "a vector is lost": (lambda write: write.delete(Table.VECTORS, place(1, 9)), "n|vectors 1/9|not there, though its record is"),
    "a vector is too many": (
        lambda write: write.put(Table.VECTORS, place(1, 1), bytes(16)),
        "n|vectors 1/1|there, though its record is not",
    ),
    "a vector is short": (lambda write: write.put(Table.VECTORS, place(1, 9), bytes(12)), "n|vectors 1/9|12 bytes, not 4 numbers"),
    "a record is lost": (lambda write: write.delete(Table.RECORDS, place(1, 9)), "n|log 1/9|no change is there, at 1 positions in all"),
    "a record is no record": (
        lambda write: write.put(Table.RECORDS, place(1, 9), bytes(8) + b"\xff"),
        "n|records 1/9|Error parsing message",
    ),
    "a removal is lost": (lambda write: write.delete(Table.CHANGES, place(1, 104)), "n|log 1/1|no change is there, at 2 positions in all"),
    "a removed record is back": (
        lambda write: write.put(Table.RECORDS, place(1, 1), values(write, Table.RECORDS)[place(1, 3)]),
        "n|log 1/1|more than one thing is there, at 1 positions in all",
    ),
    "a key leads astray": (
        lambda write: write.put(Table.KEYS, named(1, "key 8"), packed(10)),
        "n|keys 1/key 8|leads to position 10, where no record says so",
    ),
    "a key is lost": (lambda write: write.delete(Table.KEYS, named(1, "key 8")), "n|keys 1|1 records say a key that does not lead to them"),
    "a use is of nothing": (
        lambda write: write.put(Table.USE, place(1, 1), values(write, Table.USE)[place(1, 7)]),
        "n|use 1/1|of a record that is not there",
    ),
    "a use of long ago is of nothing": (
        lambda write: write.put(Table.FOLDED, place(1, 2), values(write, Table.USE)[place(1, 7)]),
        "n|folded 1/2|of a record that is not there",
    ),
    "a use is none": (lambda write: write.put(Table.USE, place(1, 9), b""), "n|use 1/9|never used"),
    "a judgement leads astray": (
        lambda write: write.put(Table.TOLD, named(1, "judged"), packed(103)),
        "n|told 1/judged|leads to position 103, where no judgement says so",
    ),
    "a judgement is forgotten": (
        lambda write: write.delete(Table.TOLD, named(1, "judged")),
        "n|told 1|1 judgements say a key that does not lead to them",
    ),
    "somebody else's": (lambda write: write.put(Table.KEYS, named(7, "k"), packed(1)), "|keys|1 entries belong to no namespace"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_tables_that_do_not_agree(store: Store, wrong: str) -> None:
    """Whatever one table says against another is found, with table and key."""
    write, expected = WRONG[wrong]
    store._environment.write(write)
    assert any(each.startswith(expected) for each in said(store)), said(store)


def test_a_check_whose_moment_is_lost(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """When its moment had to be given up while the pages were looked at, a check says so, and nothing of what it may have seen."""

    def lost(_: Path) -> list[Finding]:
        store._environment._end_snapshots()
        return [Finding(where="page 7", what="was written meanwhile")]

    monkeypatch.setattr("tandem_memory.store.store.damaged_pages", lost)
    with pytest.raises(ReadingLostError):
        store.check()


def test_a_broken_page_of_an_open_store(store: Store) -> None:
    """A page that is overwritten while the store is open is found by its number, without touching it through the map."""
    broken: list[int] = []
    with data(store).open("r+b") as written:
        whole = written.read()
        for number in range(2, len(whole) // PAGE):
            if b"question 50" in whole[number * PAGE : (number + 1) * PAGE]:  # older versions of the page, too
                written.seek(number * PAGE)
                written.write(bytes(16))
                broken.append(number)
    assert any(f"page {number}" in each for each in said(store) for number in broken)


def _checked(folder: Path) -> subprocess.CompletedProcess[str]:
    """What the command says of a store that nobody serves."""
    return subprocess.run([sys.executable, "-m", "tandem_memory", "check", folder], capture_output=True, text=True, check=False)


def test_any_broken_page_of_a_store_that_is_not_open(store: Store) -> None:
    """Whichever page is overwritten, a look at the closed store crashes on none, and finds it unless it holds nothing."""
    file = data(store)
    store.close()
    whole = file.read_bytes()
    said: list[str] = []
    for number in range(2, len(whole) // PAGE):
        file.write_bytes(whole[: number * PAGE] + b"\xa5" * 64 + whole[number * PAGE + 64 :])
        done = _checked(file.parents[1])
        assert done.returncode == (0 if "all is well" in done.stdout else 1), (number, done.stderr)
        said.append(done.stdout)
    assert sum(f"page {number} " in each for number, each in enumerate(said, 2)) >= 10
    assert any("records 1/101: not as it was written" in each for each in said)  # within the pages of a large value
    assert all(each == "99 records: all is well\n" or "not as they must be" in each for each in said)


def test_a_file_that_was_cut(store: Store) -> None:
    """A file that ends too early is found, not read past its end."""
    file = data(store)
    store.close()
    with file.open("r+b") as written:
        written.truncate(file.stat().st_size // 2 // PAGE * PAGE)
    done = _checked(file.parents[1])
    assert (done.returncode, "data.mdb" in done.stdout) == (1, True)
    held = list[object]()  # who holds an error holds what was open
    for _ in range(2):
        with pytest.raises(DamagedError, match=r"^[^\n]*data.mdb: ends after \d+ of \d+ bytes; restore a backup[^\n]*$") as caught:
            Store(file.parents[1], now=now)  # a process that reads what is not there is killed without a word
        held.append(caught.value)


@pytest.mark.parametrize("how", [Path.unlink, lambda file: file.write_bytes(b"")])
def test_data_that_are_gone(store: Store, how: Callable[[Path], object]) -> None:
    """No empty store begins in their place, as if nothing had been there."""
    file = data(store)
    store.close()
    how(file)
    for _ in range(2):
        with pytest.raises(DamagedError, match=r"^[^\n]*data.mdb: is gone or empty, though redo lies beside it; put it back[^\n]*$"):
            Store(file.parents[1], now=now)
    done = _checked(file.parents[1])
    assert (done.returncode, "is gone or empty, though redo lies beside it" in done.stdout) == (1, True)


def test_a_store_that_is_not_there_or_is_served_is_not_checked(store: Store, tmp_path: Path) -> None:
    """One line and exit code 2: what a service is writing would look like damage."""
    nothing, served = _checked(tmp_path / "elsewhere"), _checked(data(store).parents[1])
    assert (nothing.returncode, served.returncode) == (2, 2)
    assert "holds no store; give the folder that TANDEM_MEMORY_FOLDER names" in nothing.stderr
    assert "is open in another process; stop that one first" in served.stderr
    assert not (tmp_path / "elsewhere").exists()
