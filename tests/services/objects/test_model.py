"""A store against a plain dict: whatever is done to both, they hold the same."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tandem_objects import NotFound, OutOfRange, Store

from .conftest import NewStore

# Folders and names differ, so that no key is the folder of another.
keys = st.builds("".join, st.tuples(st.sampled_from(["", "f/", "f.g/", "f/g/", "ä/"]), st.sampled_from(["a", "a.b", "b", "-", "~ ~"])))
contents = st.binary(max_size=40)


class AgainstDict(RuleBasedStateMachine):
    """Does to a store and to a dict the same, and compares the answers."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store, self.dict = store, dict[str, bytes]()

    @rule(key=keys, data=contents)
    def put(self, key: str, data: bytes) -> None:
        self.store.put(key, data)
        self.dict[key] = data

    @rule(key=keys, data=contents)
    def put_large(self, key: str, data: bytes) -> None:
        self.store.put_large(key, memoryview(data))
        self.dict[key] = data

    @rule(key=keys, data=contents)
    def put_if_absent(self, key: str, data: bytes) -> None:
        assert self.store.put_if_absent(key, data) is (key not in self.dict)
        self.dict.setdefault(key, data)

    @rule(key=keys)
    def get(self, key: str) -> None:
        try:
            assert self.store.get(key) == self.dict[key]
        except NotFound:
            assert key not in self.dict

    @rule(key=keys, start=st.integers(0, 45), length=st.integers(0, 45))
    def get_range(self, key: str, start: int, length: int) -> None:
        try:
            assert self.store.get_range(key, start, length) == self.dict[key][start : start + length]
        except NotFound:
            assert key not in self.dict
        except OutOfRange:
            assert start + length > len(self.dict[key])
        else:
            assert start + length <= len(self.dict[key])

    @rule(some=st.lists(keys, max_size=5))
    def delete(self, some: list[str]) -> None:
        self.store.delete(some)
        for key in some:
            self.dict.pop(key, None)

    @rule(key=keys)
    def stat(self, key: str) -> None:
        info = self.store.stat(key)
        assert (info.bytes if info else None) == (len(self.dict[key]) if key in self.dict else None)

    @rule(prefix=st.sampled_from(["a", "f", "f/", "f.", "f/g", "f/g/a", "ä/", "none/"]))
    def list_some(self, prefix: str) -> None:
        assert [info.key for info in self.store.list(prefix)] == sorted(key for key in self.dict if key.startswith(prefix))

    @invariant()
    def same(self) -> None:
        listed = [(info.key, info.bytes) for info in self.store.list("")]
        assert listed == sorted((key, len(data)) for key, data in self.dict.items())


def test_a_store_is_a_dict(new_store: NewStore) -> None:
    """Any sequence of operations leaves a store with what a dict would hold, listed in order."""

    class AgainstANewStore(AgainstDict):
        def __init__(self) -> None:
            super().__init__(new_store())

    limits = settings(max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    run_state_machine_as_test(AgainstANewStore, settings=limits)
