"""Whatever is done to an index, it finds what a plain list would."""

from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tandem.memory.v1.memory_pb2 import Filter, Record
from tandem_memory.index import Index, arrangement, upkeep
from tandem_memory.index.looks import search, ways

from tests.services.memory.index.model import DIMENSION, Model, filters, records, vectors


class Operations(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.last = 0

    @initialize()
    def begin(self) -> None:
        self.index, self.model = Index(DIMENSION), Model()

    @rule(added=st.lists(st.tuples(records(), vectors), min_size=1, max_size=6), gap=st.integers(1, 3))
    def add(self, added: list[tuple[Record, np.ndarray]], gap: int) -> None:
        positions = np.arange(self.last + gap, self.last + gap + len(added), dtype=np.uint64)
        self.index.add(positions, np.stack([vector for _, vector in added]), [record for record, _ in added])
        copies = [(Record.FromString(record.SerializeToString()), vector) for record, vector in added]
        self.model.kept.update(zip(positions.tolist(), copies, strict=True))
        self.last = int(positions[-1])

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        gone = data.draw(st.sets(st.integers(0, self.last + 2), max_size=4))
        self.index.remove(gone)
        for position in gone:
            self.model.kept.pop(position, None)

    @rule(data=st.data(), times=st.integers(0, 3), gain=st.sampled_from((-1.0, 0.0, 1.0)))
    def judge(self, data: st.DataObject, times: int, gain: float) -> None:
        position = data.draw(st.integers(0, self.last + 2))
        self.index.judge(position, times, gain)
        if position in self.model.kept:
            use = self.model.kept[position][0].use
            use.times, use.gain = times, gain

    @rule()
    def upkeep(self) -> None:
        self.index.upkeep()

    @rule(queries=st.lists(vectors, min_size=1, max_size=3), k=st.integers(1, 8), wanted=filters())
    def search(self, queries: list[np.ndarray], k: int, wanted: Filter) -> None:
        found = self.index.search(np.stack(queries), k, wanted)
        assert len(found) == len(queries)
        for query, hits in zip(queries, found, strict=True):
            cosines = self.model.cosines(query, wanted)
            assert [cosine for _, cosine in hits] == pytest.approx(sorted(cosines.values(), reverse=True)[:k], abs=1e-6)
            assert len({position for position, _ in hits}) == len(hits)
            assert all(cosines[position] == pytest.approx(cosine, abs=1e-6) for position, cosine in hits)

    @rule(wanted=filters())
    def matching(self, wanted: Filter) -> None:
        assert self.index.matching(wanted).tolist() == self.model.matching(wanted)

    @invariant()
    def counts(self) -> None:
        assert len(self.index) == len(self.model.kept)
        facts = self.index.columns(self.index.matching(Filter()))
        kept = [record for _, (record, _) in sorted(self.model.kept.items())]
        assert [facts.sources[code] for code in facts.source] == [record.source for record in kept]
        assert facts.times.tolist() == [record.use.times for record in kept]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows are worth a segment, and rough finds are so many that none can be missed."""
    monkeypatch.setattr(upkeep, "TAIL", 3)
    monkeypatch.setattr(arrangement, "_OWN", 2)
    monkeypatch.setattr(search, "MULTIPLIED", 1)
    monkeypatch.setattr(ways, "_DEPTH", 1000)


@pytest.mark.parametrize("rough", [False, True])
def test_it_finds_what_a_list_would(request: pytest.FixtureRequest, *, rough: bool) -> None:
    """Random adds, removals, judgements and searches agree with a model that goes through all records; so do segments of it."""
    if rough:
        request.getfixturevalue("tiny")
    run: Any = Operations.TestCase
    run.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
    run("runTest").runTest()
