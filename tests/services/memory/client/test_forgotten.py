"""A watch whose cursor is from before what the service remembers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tandem_memory.client import CursorTooOldError, Judged, Memory, Pruned, Pruning, Record

from tests.services.memory.process import Service

_AT_ONCE_DAYS = 1e-9  # less than from one call to the next


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path / "service", REMEMBER_DAYS=_AT_ONCE_DAYS).start()
    yield made
    made.kill()


def test_a_watch_that_is_too_old_says_how_to_go_on(service: Service) -> None:
    """It ends with an error of its own type; a watch without a cursor then tells all that is there, with what it was judged."""
    with Memory(service.address, "team", patience_s=120) as memory:
        kept, gone = memory.append([Record(question="kept", score=1.0), Record(question="gone", score=0.0)])
        with memory.watch() as watch:
            next(iter(watch))
        memory.judge([Judged(id=kept.id, gain=1.0, source="local", key="k")])
        memory.prune(Pruning(keep_best=1))
        memory.append([Record(question="new")])
        with pytest.raises(CursorTooOldError, match=r"cursor: .* is forgotten by now; watch without a cursor") as refused:
            next(iter(memory.watch(watch.cursor)))
        assert refused.value.field == "cursor"
        news = next(iter(memory.watch()))
    told = [change for change in news.changes if isinstance(change, Record)]
    assert [(each.question, each.use.times if each.use else 0) for each in told] == [("kept", 1), ("new", 0)]
    assert gone.id not in {each.id for each in told}
    assert not any(isinstance(change, Pruned) for change in news.changes)
