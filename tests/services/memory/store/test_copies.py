"""Copies of a store that take long, and what others do meanwhile."""

from pathlib import Path

import pytest
from tandem_memory.backend import StoreUnavailableError

from tests.parts.small_disk import mounted_read_only
from tests.services.memory.store.conftest import OpenStore
from tests.services.memory.store.jobs import append, commit, held, large
from tests.services.memory.store.slow_copies import copying

MIB = 1 << 20


def test_a_map_that_must_grow_under_a_copy_holds_nobody_up(open_store: OpenStore, tmp_path: Path) -> None:
    """Readers go on, and writers whose records have room; others are told to try again, which does it once the copy is taken."""
    store = open_store(map_bytes=MIB)
    commit(store, append(large("a", 10)))
    with copying(store, tmp_path / "copy") as copied:
        with pytest.raises(StoreUnavailableError, match="waits until the backup is taken"):
            commit(store, append(large("large", 2 * MIB)))
        assert held(store) == ["a"]
        commit(store, append(large("b", 10)))
        assert held(store) == ["a", "b"]
    assert copied.result() == 2
    commit(store, append(large("large", 2 * MIB)))
    assert held(store) == ["a", "b", "large"]
    assert store.check().findings == []


def test_a_store_that_cannot_be_written_is_read_while_it_is_copied(open_store: OpenStore, disk: Path, tmp_path: Path) -> None:
    """Each append has its files opened anew, as the disk may be writable by then; not under a copy."""
    commit(open_store(disk / "store"), append(large("a", 10)))
    open_store(disk / "store").close()
    mounted_read_only(disk)
    store = open_store(disk / "store")
    with copying(store, tmp_path / "copy") as copied:
        with pytest.raises(StoreUnavailableError):
            commit(store, append(large("b", 10)))
        assert held(store) == ["a"]
    assert copied.result() == 1
