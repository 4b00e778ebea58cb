"""What made the vectors of an export goes with them: no import has to guess whether they are its own."""

from collections.abc import Sequence
from typing import Any

import grpc
import numpy as np
import numpy.typing as npt
import pytest
from tandem.memory.v1 import memory_pb2 as pb

from tests.services.memory.service.conftest import Letters, Start, append, record, refusal, vector


class Drifting(Letters):
    """An embedding that gives no text the same bits twice, as many do that compute on GPUs."""

    def __init__(self) -> None:
        self._asked = 0

    async def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self._asked += 1
        return (await super().embed(texts)) * np.float32(1 + self._asked / 1024)


@pytest.fixture
def stub(start: Start) -> Any:
    return start(embedding=Drifting()).stub


def exported(stub: Any, namespace: str = "n") -> tuple[list[pb.Record], set[str]]:
    """Records, and what is said to have made their vectors."""
    parts = list(stub.Export(pb.ExportRequest(namespace=namespace, with_vectors=True)))
    return [each for part in parts for each in part.records], {part.embedding for part in parts}


def imported(stub: Any, namespace: str, records: Sequence[pb.Record], embedding: str = "") -> Any:
    return stub.Import(iter([pb.ImportRequest(namespace=namespace, records=records, embedding=embedding)]))


def origins(stub: Any) -> dict[str, str]:
    return {each.name: each.embedding for each in stub.ListNamespaces(pb.ListNamespacesRequest()).namespaces}


def test_an_import_takes_vectors_for_what_the_export_says(stub: Any) -> None:
    """Also where the same text has other bits by now; texts find what was moved."""
    stub.Append(append(record("aab", key="k"), record("b")))
    records, said = exported(stub)
    assert said == {"letters"}
    assert imported(stub, "m", records, *said).taken == 2
    found = stub.Search(pb.SearchRequest(namespace="m", queries=[pb.Query(text="aab")], k=1)).found[0].hits[0].record
    assert (found.key, origins(stub)["m"]) == ("k", "letters")


def test_vectors_of_callers_stay_theirs(stub: Any) -> None:
    """And those of an embedding that this service has not stay what they were: served by vectors, refused to texts."""
    stub.Append(append(record(vector=vector(1, 2)), namespace="vectors"))
    records, said = exported(stub, "vectors")
    assert said == {"caller"}
    imported(stub, "m", records, *said)
    imported(stub, "other", records, "another-model")
    assert (origins(stub)["m"], origins(stub)["other"]) == ("caller", "another-model")
    query = pb.Query(vector=vector(1, 2))
    assert stub.Search(pb.SearchRequest(namespace="other", queries=[query])).found[0].hits
    _, line, _ = refusal(lambda: stub.Append(append(record("a"), namespace="other")))
    assert "embedded by letters, namespace 'other' is embedded by another-model" in line


@pytest.mark.parametrize(("embedding", "origin"), [(Letters(), "letters"), (Drifting(), "caller")])
def test_an_older_export_says_nothing_and_is_looked_at(start: Start, embedding: Letters, origin: str) -> None:
    """The vectors are the service's own if it makes the same bits of the first question; those of one that drifts are the caller's."""
    stub = start(embedding=embedding).stub
    stub.Append(append(record("aab")))
    imported(stub, "m", exported(stub)[0])
    assert origins(stub)["m"] == origin


def test_what_does_not_belong_into_a_namespace_is_refused(stub: Any) -> None:
    """By what was said and what is there, in a line; nothing is taken in, and no namespace begins."""
    stub.Append(append(record("aab")))
    records, _ = exported(stub)
    code, line, field = refusal(lambda: imported(stub, "n", records, "caller"))
    assert (code, field) == (grpc.StatusCode.INVALID_ARGUMENT, "records")
    assert "embedded by caller, namespace 'n' is embedded by letters; use that, or another namespace" in line
    short = record("a", vector=vector(1, 2))
    _, line, _ = refusal(lambda: imported(stub, "m", [short], "letters"))
    assert "records[0].vector: 2 dimensions, letters makes 4; say what made them" in line
    _, _, field = refusal(lambda: imported(stub, "m", records, "x" * 200))
    assert field == "embedding"
    assert origins(stub) == {"n": "letters"}
