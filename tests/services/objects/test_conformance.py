"""What holds for every store: a directory, and a real MinIO."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from tandem_objects import InvalidAddress, NotFound, ObjectError, OutOfRange, Store

MIB = 1 << 20


def keys(store: Store, prefix: str = "") -> list[str]:
    return [info.key for info in store.list(prefix)]


def some(length: int) -> memoryview:
    return memoryview(random.Random(length).randbytes(length))


@pytest.mark.parametrize("data", [b"", b"x", b"\0\xff" * 5000], ids=len)
def test_gives_back_what_was_put(store: Store, again: Store, data: bytes) -> None:
    """Any bytes come back as they were, to everybody."""
    store.put("a/b", data)
    assert again.get("a/b") == data


def test_put_replaces(store: Store) -> None:
    """A second put of a key replaces the first, also by something shorter."""
    store.put("a", b"long ago")
    store.put("a", b"now")
    assert store.get("a") == b"now"


def test_views_of_any_format_are_bytes(store: Store) -> None:
    """A view of 32-bit numbers is stored as the bytes it holds."""
    view = memoryview(b"12345678").cast("I")
    store.put("put", view)
    store.put_large("large", view)
    assert store.put_if_absent("absent", view)
    out = memoryview(bytearray(8)).cast("I")
    store.get_range_into("put", 0, out)
    assert store.get("put") == store.get("large") == store.get("absent") == bytes(out) == b"12345678"


def test_put_if_absent_writes_once(store: Store, again: Store) -> None:
    """The first of two gets True and its content stays; the second gets False, whatever it brought."""
    assert store.put_if_absent("claims/1", b"first")
    assert not again.put_if_absent("claims/1", b"second")
    assert not store.put_if_absent("claims/1", b"first")
    assert store.get("claims/1") == b"first"


def test_put_if_absent_after_delete(store: Store) -> None:
    """A key that was deleted is absent."""
    store.put("a", b"1")
    store.delete(["a"])
    assert store.put_if_absent("a", b"2")


@pytest.mark.parametrize("same_content", [False, True])
def test_one_of_many_commits(store: Store, again: Store, same_content: bool) -> None:  # noqa: FBT001
    """Of 32 threads that race for a key, exactly one gets True, and its content is what stays."""
    start = threading.Barrier(32)

    def commit(number: int) -> bool:
        start.wait()
        return (store, again)[number % 2].put_if_absent("manifest", b"same" if same_content else str(number).encode())

    with ThreadPoolExecutor(32) as threads:
        won = list(threads.map(commit, range(32)))
    assert won.count(True) == 1
    assert store.get("manifest") == (b"same" if same_content else str(won.index(True)).encode())


def test_readers_never_see_half_an_object(store: Store, again: Store) -> None:
    """While an object is being replaced over and over, every read gives one whole version."""
    versions = [bytes([n]) * 300_000 for n in range(20)]
    store.put("a", versions[0])
    with ThreadPoolExecutor(1) as writer:
        writing = writer.submit(lambda: [store.put("a", version) for version in versions])
        while not writing.done():
            assert again.get("a") in versions
        writing.result()


@pytest.mark.parametrize("length", [0, 1, 8 * MIB, 16 * MIB, 16 * MIB + 1, 24 * MIB - 1, 24 * MIB, 24 * MIB + 1])
def test_put_large_at_the_edges_of_parts(store: Store, length: int) -> None:
    """Sizes around the size of a part, and around the size from which there are parts, come back whole."""
    data = some(length)
    store.put_large("large", data)
    info = store.stat("large")
    assert info
    assert info.bytes == length
    assert store.get("large") == data
    out = bytearray(length)
    store.get_range_into("large", 0, memoryview(out))
    assert out == data


def test_put_large_replaces(store: Store) -> None:
    """A large object replaces a small one, and the other way round."""
    store.put("a", b"small")
    store.put_large("a", some(17 * MIB))
    assert store.get_range("a", 0, 5) == some(17 * MIB)[:5]
    store.put("a", b"small")
    assert store.get("a") == b"small"


@pytest.mark.parametrize(("start", "length"), [(0, 0), (0, 1), (0, 10), (3, 4), (9, 1), (10, 0)])
def test_ranges(store: Store, start: int, length: int) -> None:
    """A range is what a slice is, as long as it lies in the object."""
    store.put("a", b"0123456789")
    assert store.get_range("a", start, length) == b"0123456789"[start : start + length]


@pytest.mark.parametrize(("start", "length"), [(0, 11), (9, 2), (10, 1), (11, 0), (500, 17 * MIB)])
def test_ranges_past_the_end(store: Store, start: int, length: int) -> None:
    """A range that the object does not hold to its end is an error, never a shorter answer."""
    store.put("a", b"0123456789")
    with pytest.raises(OutOfRange, match=r"^[^\n]*/a [^\n]*$"):
        store.get_range("a", start, length)


def test_range_of_an_empty_object(store: Store) -> None:
    """An empty object has an empty range, and no other."""
    store.put("a", b"")
    assert store.get_range("a", 0, 0) == b""
    with pytest.raises(OutOfRange):
        store.get_range("a", 0, 1)


def test_large_range_from_the_middle(store: Store) -> None:
    """A range of more than one part, from an odd byte to an odd byte, is read straight into the buffer."""
    data = some(40 * MIB)
    store.put_large("a", data)
    out = memoryview(bytearray(30 * MIB + 7))
    store.get_range_into("a", 3 * MIB + 1, out[3:-4])
    assert out[3:-4] == data[3 * MIB + 1 : 33 * MIB + 1]
    assert not any(out[:3])
    assert not any(out[-4:])


@pytest.mark.parametrize("length", [0, 5, 17 * MIB])
def test_absent_objects(store: Store, length: int) -> None:
    """What is not there is NotFound in one line with its address; stat says None, and delete is content."""
    store.put("there/is", b"another")
    for absent in ("nothing", "there", "there/is/not", "there/i"):
        assert store.stat(absent) is None
        store.delete([absent])
        for get in (store.get, lambda key: store.get_range(key, 0, length)):
            with pytest.raises(NotFound) as caught:
                get(absent)
            assert absent in str(caught.value)
            assert "\n" not in str(caught.value)
    assert keys(store) == ["there/is"]


def test_stat_and_list_agree(store: Store) -> None:
    """Size and time of writing are the same, in UTC and about now, in a listing and on their own."""
    store.put("a", b"12345")
    info = store.stat("a")
    (listed,) = store.list("")
    assert info
    assert (info.key, info.bytes) == (listed.key, listed.bytes) == ("a", 5)
    assert abs(info.modified - listed.modified) <= timedelta(seconds=1)
    assert abs(info.modified - datetime.now(UTC)) < timedelta(minutes=5)


def test_lists_in_order_of_keys(store: Store) -> None:
    """A listing is sorted by the whole key, so "a.b" stands before "a/b"; prefixes may end within a name."""
    names = ["a-b", "a.b", "a/b", "a/c/d", "a0", "b", "manifests/000001", "manifests/000002", "ä", "\U0001f600"]
    for name in reversed(names):
        store.put(name, b"")
    assert keys(store) == names
    assert keys(store, "a") == ["a-b", "a.b", "a/b", "a/c/d", "a0"]
    assert keys(store, "a/") == ["a/b", "a/c/d"]
    assert keys(store, "a/c") == ["a/c/d"]
    assert keys(store, "manifests/00") == ["manifests/000001", "manifests/000002"]
    assert keys(store, "manifests/000002") == ["manifests/000002"]
    assert keys(store, "none/") == keys(store, "b/") == keys(store, "manifests/000002/") == []


def test_lists_and_deletes_more_than_a_page(store: Store) -> None:
    """A thousand objects are one page of S3: 1,001 are listed, and deleted, all the same."""
    names = [f"many/{number:04}" for number in range(1001)]
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda name: store.put(name, b""), names))
    assert keys(store) == names
    store.delete(reversed(names))
    assert keys(store) == []


def test_lists_nothing_in_an_empty_store(store: Store) -> None:
    """A store that nobody has written to is empty, not an error."""
    assert keys(store) == []
    store.delete(["a", "b/c"])


def test_stores_keep_to_their_prefix(store: Store) -> None:
    """What lies beside the prefix of a store is neither listed nor touched."""
    store.put("a", b"")
    assert store.address("a") == f"{store.uri}/a"
    assert keys(store, "a") == ["a"]


def test_delete_is_for_these_keys_only(store: Store) -> None:
    """Deleting takes present and absent keys, and nothing that they are the beginning of."""
    for name in ("a/b", "a/bc", "a/b2"):
        store.put(name, b"")
    store.delete(iter(["a/b", "a/x", "none"]))
    assert keys(store) == ["a/b2", "a/bc"]


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.", "a\0b", "a\nb", "\udc80", ".tandem-x/a", "k" * 256, "k/" * 600 + "k"]
)
def test_keys_that_cannot_be(store: Store, key: str) -> None:
    """A key that would mean something else in some store is refused by all, before anything is done."""
    calls = [
        lambda: store.put(key, b""),
        lambda: store.put_if_absent(key, b""),
        lambda: store.put_large(key, memoryview(b"")),
        lambda: store.get(key),
        lambda: store.get_range(key, 0, 1),
        lambda: store.stat(key),
        lambda: store.delete([key]),
        lambda: store.address(key),
    ]
    for call in calls:
        with pytest.raises(InvalidAddress, match=r"^key .*$"):
            call()


def test_a_key_is_not_the_folder_of_another(store: Store) -> None:
    """Writing below an object is an error in one line where the store can tell, and the object stays as it is."""
    store.put("a", b"object")
    if store.uri.startswith("file:"):
        for write in (store.put, store.put_if_absent):
            with pytest.raises(ObjectError, match="one key cannot be the folder of another"):
                write("a/b", b"")
        store.put("folder/b", b"")
        for write in (store.put, store.put_if_absent):
            with pytest.raises(ObjectError, match="one key cannot be the folder of another"):
                write("folder", b"")
    assert store.get("a") == b"object"


def test_many_threads_share_a_store(store: Store) -> None:
    """Puts, reads, listings and deletes of many threads do not disturb each other."""

    def work(number: int) -> bool:
        data = bytes([number]) * 1000
        store.put(f"{number}/a", data)
        same = store.get_range(f"{number}/a", 100, 800) == data[100:900]
        listed = keys(store, f"{number}/") == [f"{number}/a"]
        store.delete([f"{number}/a"])
        return same and listed and store.stat(f"{number}/a") is None

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(work, range(64)))
