"""A backend against plain dicts: whatever is done to both, they know the same, also after restarts."""

import math
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tandem.memory.v1.memory_pb2 import Change, Filter, Judged, Record
from tandem_memory.backend import Pruning
from tandem_memory.embedded import Embedded
from tandem_memory.rules.wanted import utility, wants

from tests.services.memory.driven import Driven, record

from .conftest import NewMemory

sources = st.sampled_from(["cloud", "local", ""])
scores = st.sampled_from([None, 0.0, 0.25, 0.5, 1.0])
keys = st.sampled_from(["", "", "k1", "k2", "k3"])
directions = st.tuples(*[st.integers(-2, 2)] * 4).filter(any)
records = st.builds(
    lambda near, **fields: record(near=near, **fields),
    directions,
    question=st.sampled_from(["a", "b", "c"]),
    source=sources,
    score=scores,
    key=keys,
    tags=st.lists(st.sampled_from(["t", "u"]), max_size=2),
    at=st.none() | st.integers(0, 5).map(lambda seconds: Timestamp(seconds=seconds)),
    metrics=st.dictionaries(st.sampled_from(["m", "n"]), st.floats(-1, 1), max_size=2),
)
filters = st.builds(
    Filter,
    sources=st.lists(sources, max_size=2),
    tags=st.lists(st.sampled_from(["t", "u"]), max_size=1),
    min_score=scores,
    max_score=scores,
    min_utility=st.sampled_from([None, None, 0.0, 0.5]),
    since=st.none() | st.integers(0, 5).map(lambda seconds: Timestamp(seconds=seconds)),
)
prunings = st.builds(
    Pruning,
    among=filters,
    keep_best=st.none() | st.integers(0, 4),
    per_source=st.booleans(),
    harmful_after=st.none() | st.integers(1, 2),
    dry_run=st.booleans(),
)
namespaces = st.sampled_from(["one", "two"])


class AgainstDicts(RuleBasedStateMachine):
    """Does to a backend and to a dict by namespace and id the same, and compares what they know."""

    def __init__(self, memory: Driven) -> None:
        super().__init__()
        self.memory = memory
        self.dicts: dict[str, dict[str, Record]] = {}
        self.told: set[tuple[str, str]] = set()
        self.news: dict[str, list[Change]] = {}
        self.watchers: dict[str, tuple[str, int]] = {}  # cursor, and how much was seen

    ids = Bundle("ids")

    @initialize()
    def begin(self) -> None:
        for name in ("one", "two"):
            self.append(name, [record("first")])

    @rule(target=ids, name=namespaces, some=st.lists(records, min_size=1, max_size=6))
    def append(self, name: str, some: list[Record]) -> tuple[str, str]:
        there = self.dicts.setdefault(name, {})
        done = self.memory.append(*some, namespace=name)
        for each, appended in zip(some, done, strict=True):
            known = next((identifier for identifier, kept in there.items() if each.key and kept.key == each.key), None)
            assert appended.known is (known is not None)
            assert appended.id not in there or appended.id == known
            if known is None:
                (kept,) = self.memory.get(appended.id, namespace=name, vectors=True)
                expected = Record()
                expected.CopyFrom(each)
                expected.id = appended.id
                expected.appended_at.CopyFrom(kept.appended_at)
                expected.at.CopyFrom(each.at if each.HasField("at") else kept.appended_at)
                assert kept == expected
                there[appended.id] = kept
                self.news.setdefault(name, []).append(Change(appended=kept))
        return name, done[-1].id

    @rule(which=ids, gain=st.sampled_from([-1.0, 0.5, 1.0]), source=sources, key=keys)
    def judge(self, which: tuple[str, str], gain: float, source: str, key: str) -> None:
        name, identifier = which
        judged = Judged(id=identifier, gain=gain, source=source, key=key)
        there = self.dicts[name].get(identifier)
        new = there is not None and (name, key) not in self.told
        assert self.memory.judge(judged, namespace=name) == new
        if there is not None and new:
            there.use.times += 1
            there.use.gain += gain
            if source:
                there.use.by_source[source] += 1
            if key:
                self.told.add((name, key))
            self.news[name].append(Change(judged=judged))

    @rule(name=namespaces, pruning=prunings)
    def prune(self, name: str, pruning: Pruning) -> None:
        there, keep = self.dicts[name], pruning.keep_best
        considered = [each for each in there.values() if wants(pruning.among, each)]
        harmful = pruning.harmful_after
        going = [each for each in considered if harmful is not None and each.use.times >= harmful and each.use.gain < 0]
        newest_first = [each for each in reversed(considered) if each not in going]
        staying = sorted(newest_first, key=worth, reverse=True)  # which leaves those of equal worth as they are
        if keep is not None:
            going += [each for place, each in enumerate(staying) if before(staying[:place], each, pruning) >= keep]
        removed = self.memory.prune(pruning, namespace=name)
        assert sorted(removed.ids) == sorted(each.id for each in going)
        assert removed.kept == len(considered) - len(going)
        if not pruning.dry_run:
            for each in going:
                del there[each.id]
            if going:
                self.news[name].append(Change(pruned={"ids": sorted(each.id for each in going)}))

    @rule(name=namespaces, wanted=filters, near=directions, k=st.integers(1, 5))
    def search(self, name: str, wanted: Filter, near: tuple[int, ...], k: int) -> None:
        found = self.memory.search(near, k, wanted, namespace=name)
        cosines = sorted((cosine(each, near) for each in self.dicts[name].values() if wants(wanted, each)), reverse=True)
        assert len(found) == min(k, len(cosines))
        for each, expected in zip(found, cosines, strict=False):
            assert math.isclose(each.similarity, expected, abs_tol=1e-5)
            assert math.isclose(cosine(self.dicts[name][each.record.id], near), expected, abs_tol=1e-5)

    @rule(name=namespaces, wanted=filters, limit=st.integers(1, 5))
    def scan(self, name: str, wanted: Filter, limit: int) -> None:
        expected = [each for each in self.dicts[name].values() if wants(wanted, each)]
        assert self.memory.scan(wanted, limit=limit, namespace=name, vectors=True) == expected
        assert self.memory.export(wanted, namespace=name, vectors=True) == expected
        assert self.memory.stats(wanted, namespace=name).records == len(expected)

    @rule(name=namespaces)
    def watch(self, name: str) -> None:
        """Who goes on from a cursor hears what came since, but for records that are gone again."""
        cursor, seen = self.watchers.get(name, ("", 0))
        coming = [each for each in self.news[name][seen:] if not each.HasField("appended") or each.appended.id in self.dicts[name]]
        watcher = self.memory.watch(cursor, namespace=name, vectors=True)
        heard = watcher.changes(len(coming)) if coming else []
        assert [plain(each) for each in heard] == [plain(each) for each in coming]
        self.watchers[name] = (watcher.cursor or cursor, len(self.news[name]) if coming else seen)

    @rule()
    def restart(self) -> None:
        self.memory.again()

    @invariant()
    def sound(self) -> None:
        assert self.memory.check() == (sum(map(len, self.dicts.values())), [])


def worth(each: Record) -> tuple[Any, ...]:
    score = each.score if each.HasField("score") else -math.inf
    return score, utility(each.use), (each.at.seconds, each.at.nanos)


def before(better: list[Record], each: Record, pruning: Pruning) -> int:
    """How many better ones there are; of the same source, if that is asked."""
    return sum(not pruning.per_source or other.source == each.source for other in better)


def cosine(each: Record, near: tuple[int, ...]) -> float:
    kept = memoryview(each.vector).cast("f")
    return sum(a * b for a, b in zip(kept, near, strict=True)) / math.hypot(*kept) / math.hypot(*near)


def plain(change: Change) -> Change:
    """Without the use that a record has come to since; removed ids in order."""
    told = Change()
    told.CopyFrom(change)
    if told.HasField("appended"):
        told.appended.ClearField("use")
    if told.HasField("pruned"):
        told.pruned.ids.sort()
    return told


def test_a_memory_is_dicts(new_memory: NewMemory) -> None:
    """Any sequence of operations and restarts leaves a memory with what dicts would hold, finds what they would, and tells it once."""
    against_dicts(new_memory, 25 if isinstance(new_memory().backend, Embedded) else 2)  # a new process for each


def against_dicts(new_memory: NewMemory, examples: int) -> None:
    """So many sequences, each with a memory of its own."""

    class AgainstNew(AgainstDicts):
        def __init__(self) -> None:
            super().__init__(new_memory())

        def teardown(self) -> None:
            self.memory.again()
            self.sound()

    limits = settings(max_examples=examples, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    run_state_machine_as_test(AgainstNew, settings=limits)
