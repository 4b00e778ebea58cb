"""What Cassandra itself forgets, by its own clock: the contents, not the places."""

import secrets
import time
from dataclasses import replace
from typing import Any

import pytest
from tandem.memory.v1.memory_pb2 import Judged, Use
from tandem_memory.backend import CursorTooOldError, Pruning
from tandem_memory.cassandra import Clustered, Link
from tandem_memory.cassandra.log.entries import Kind

from tests.services.memory.cassandra.conftest import MANNERS
from tests.services.memory.driven import ALL, Driven, questions, record

pytestmark = pytest.mark.xdist_group("cassandra")

BRIEF = replace(MANNERS, kept=1.0)


def rows(link: Link, cql: str, *values: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in link.send(link.prepare(cql).bind(values)).result()]


def test_what_was_removed_and_judged_goes_by_itself(link: Link) -> None:
    """Messages and names of what happened are gone after their time; records and their use stay, and who would miss something is told."""
    store = secrets.token_hex(4)
    memory = Driven(lambda: Clustered(link, store=store, manners=BRIEF))
    a, *_ = memory.ids(record("a", score=1), *(record(f"{number}", score=0) for number in range(3)))
    watcher = memory.watch()
    watcher.changes(4)
    judged = Judged(id=a, gain=1, source="x", key="k")
    memory.judge(judged)
    memory.prune(Pruning(among=ALL, keep_best=1))
    time.sleep(BRIEF.ttl_s + 1)  # Cassandra's clock is nobody's to set, and counts whole seconds
    with pytest.raises(CursorTooOldError, match="forgotten by now"):
        memory.watch(watcher.cursor).changes(1)
    identity = watcher.cursor.split(",")[0]
    assert rows(link, "SELECT kind, body FROM log_4 WHERE identity = ? ALLOW FILTERING", identity).count((Kind.CHANGE, None)) == 2
    assert not rows(link, "SELECT name FROM claims WHERE identity = ? ALLOW FILTERING", identity)
    assert questions(memory.scan()) == ["a"]
    assert memory.check() == (1, [])
    assert memory.judge(judged) == 1
    memory.again()
    assert memory.get(a)[0].use == Use(times=2, gain=2, by_source={"x": 2})
    memory.close()
