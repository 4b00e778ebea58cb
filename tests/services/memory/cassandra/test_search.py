"""What Cassandra's index is asked, and how well it finds."""

import asyncio

import numpy as np
import pytest
from tandem.memory.v1.memory_pb2 import Filter, MetricRange, Record
from tandem_memory.cassandra import Clustered, Link, Manners
from tandem_memory.cassandra.log.facets import asked, facets
from tandem_memory.rules.wanted import wants

from tests.services.memory.driven import NAMESPACE

from .replicas import nearest, replicas, shelf_of

pytestmark = pytest.mark.xdist_group("cassandra")
DIMENSION, RECORDS, K = 16, 1000, 10
FILTERS = (
    Filter(),
    Filter(sources=["s1"], tags=["even"], min_score=0.2),
    Filter(sources=["s1", "s2"], metrics=[MetricRange(metric="n", max=0.1)]),
    Filter(metrics=[MetricRange(metric="n", min=0.995)]),
)


def test_what_is_asked() -> None:
    """What the index can be asked it is asked, always within the namespace; several sources are none of it."""
    conditions, values = asked("id", Filter(sources=["a"], tags=["y", "x"], min_score=0.5))
    assert conditions == "facets CONTAINS ? AND facets CONTAINS ? AND facets CONTAINS ? AND score >= ?"
    assert values == ["id source a", "id tag x", "id tag y", 0.5]
    assert asked("id", Filter(sources=["a", "b"], min_utility=0.5)) == ("facets CONTAINS ?", ["id"])
    assert set(values[:-1]) <= facets("id", Record(source="a", tags=["x", "y"]))


def test_recall(link: Link) -> None:
    """Of the ten nearest at least 95 of 100 are found, filtered and not: while records are young, and when only Cassandra has them."""
    luck = np.random.default_rng(0)
    vectors = luck.normal(size=(RECORDS, DIMENSION)).astype(np.float32)
    queries = luck.normal(size=(10, DIMENSION)).astype(np.float32)
    records = [
        Record(
            question=str(number),
            vector=vector.astype("<f4").tobytes(),
            source=f"s{number % 3}",
            tags=["even"] if number % 2 == 0 else [],
            score=number / RECORDS,
            metrics={"n": number / RECORDS},
        )
        for number, vector in enumerate(vectors)
    ]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    order = np.argsort(-(unit @ queries.T), axis=0, kind="stable").T

    async def recall(backend: Clustered, wanted: Filter) -> float:
        expected = [[number for number in row if wants(wanted, records[number])][:K] for row in order.tolist()]
        found = [await nearest(backend, query, K, wanted) for query in queries.tolist()]
        got = [{int(near.record.question) for near in each} for each in found]
        return sum(len(g & set(e)) for g, e in zip(got, expected, strict=True)) / sum(map(len, expected))

    async def searched() -> None:
        async with replicas(link, 2, Manners(settle=0.01)) as (one, other):
            await one.append(NAMESPACE, records, embedding="caller")
            for wanted in FILTERS:
                assert await recall(one, wanted) >= 0.95
            tails = shelf_of(one).tails
            while tails.young:  # noqa: ASYNC110 - what is waited for is a matter of the replica's own
                await asyncio.sleep(0.05)
            for wanted in FILTERS:
                assert await recall(other, wanted) >= 0.95

    asyncio.run(searched())
