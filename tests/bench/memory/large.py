"""Many records: how soon the service is ready after a restart, what it holds in memory, how much slower it searches, and what it finds.

Each is asked by `python -m tests.bench.memory --only ready` (240,000 records) and `--only million`.
"""

import signal
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.memory.driving import driven
from tests.bench.memory.line import say
from tests.bench.memory.peers import tandem
from tests.bench.memory.processes import Footprint, end
from tests.bench.memory.room import room
from tests.bench.memory.workload import FILTERS, LEFT, Workload

_READY_S = {"ready": 3.0, "million": 10.0}
_ROOM_BYTES = 5 << 29  # 2.5 GiB
_PART = 0.6  # of its rate among a tenth of the records
_FEW = 10  # times fewer
_CLIENTS = 8


def ready(work: Workload) -> None:
    """Tell how soon it is ready after it was killed, and after it was asked to leave."""
    folder = work.folder / "large"
    with tandem.serving(folder) as (address, pid):
        _load(work, address, len(work.vectors))
        tandem.settle(pid)
        _hold("ready", Footprint.of(pid))
    _restart("ready", work, folder, "killed")
    _restart("ready", work, folder, "stopped")


def million(work: Workload, seconds: float) -> None:
    """Load and search in a room of 2.5 GiB, if one may be made here, and tell what it comes to; then start it again."""
    folder, little = work.folder / "large", work.folder / "little"
    little.mkdir()
    with room(_ROOM_BYTES) as within, tandem.serving(little / "store") as (beside, other):
        before = within.within if within else ()
        _load(work, beside, len(work.vectors) // _FEW)
        tandem.settle(other)
        with tandem.serving(folder, before) as (address, pid):
            _load(work, address, len(work.vectors))
            _found(work, address, "fresh", FILTERS)
            tandem.settle(pid)
            _found(work, address, "settled", FILTERS)
            _searched(work, address, beside, seconds)
            _hold("million", Footprint.of(pid), limit=_ROOM_BYTES / 2**20 if within else None)
        _restart("million", work, folder, "killed", before)
        with tandem.serving(folder, before) as (address, pid):
            _pruned(work, address, pid)


def _load(work: Workload, address: str, count: int) -> None:
    began = time.perf_counter()
    tandem.Client(address, work.vectors.shape[1]).load(work, count)
    say("memory_large_load", count / (time.perf_counter() - began), "records/s", records=count)


def _searched(work: Workload, address: str, beside: str, seconds: float) -> None:
    """The rate among all, by that of a service beside it among few, one right after the other.

    Before, the same of questions that were not asked yet, after minutes in which the index was built: what they find has to be read
    from the disk as far as the room does not hold all of it.
    """
    say("memory_million_search_first", _rate(work, address, seconds), "queries/s")
    _rate(work, address, 3 * seconds)  # until all of the thousand questions were asked
    few, rate = _rate(work, beside, seconds), _rate(work, address, seconds)
    say("memory_million_search", rate, "queries/s", few=few, ratio=rate / few, floor=_PART)


def _found(work: Workload, address: str, when: str, filters: Sequence[str]) -> None:
    """How much of what is nearest is found."""
    for name in filters:
        recall = driven("tandem", address, work, {"do": "recall", "filter": name})["recall"]
        say("memory_million_recall", recall, "part", when=when, filter=name, floor=0.95)


def _pruned(work: Workload, address: str, pid: int) -> None:
    """Remove half of them at once, and look again: right after, and when all is arranged anew."""
    began = time.perf_counter()
    count = tandem.Client(address, work.vectors.shape[1]).remove_worse()
    say("memory_million_pruned", count / (time.perf_counter() - began), "records/s", records=count)
    _found(work, address, "pruned", (LEFT,))
    tandem.settle(pid)
    _found(work, address, "pruned and settled", (LEFT,))


def _rate(work: Workload, address: str, seconds: float) -> float:
    task = {"do": "search", "filter": "all", "effort": 0, "clients": _CLIENTS, "seconds": seconds}
    return driven("tandem", address, work, task)["per_second"]


def _hold(name: str, held: Footprint, limit: float | None = None) -> None:
    """Tell what is held in memory; `limit` is of the room that it is in."""
    say(f"memory_{name}_own", held.own, "MiB", limit=limit)
    say(f"memory_{name}_mapped", held.mapped, "MiB")
    say(f"memory_{name}_resident", held.resident, "MiB", shared_out=held.shared_out)


def _restart(name: str, work: Workload, folder: Path, ended: str, before: Sequence[str] = ()) -> None:
    """Start it, ask until it gives the first right answer, and ask it to leave."""
    began = time.perf_counter()
    with tandem.serving(folder, before) as (address, pid):
        started_s = time.perf_counter() - began
        first = driven("tandem", address, work, {"do": "first"})
        assert first["right"], "the first answer is not the record that was asked for by its own vector"
        say(f"memory_{name}_{ended}", started_s + first["seconds"], "s", records=len(work.vectors), ceiling=_READY_S[name])
        _hold(f"{name}_{ended}", Footprint.of(pid))
        end(pid, signal.SIGTERM)
