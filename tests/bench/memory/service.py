"""The service and its peers, one after the other, each asked for the same; then ours by each of theirs."""

import shutil
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.bench.memory.drive import TARGET
from tests.bench.memory.driving import begun, driven
from tests.bench.memory.line import say
from tests.bench.memory.peers import tandem
from tests.bench.memory.slow_disk import slowly
from tests.bench.memory.workload import FILTERS, Workload

BATCH = 64
_ON_A_SLOW_DISK = ("tandem", "pgvector")  # which sync for every append that they acknowledge, and are servers: their disk is theirs alone
_FLOORS = {
    ("search_all", "pgvector"): 1.15,
    ("search_all", "chroma"): 5.0,
    ("search_all", "qdrant"): 0.9,
    ("search_source", "pgvector"): 2.0,
    ("search_best", "pgvector"): 2.0,
    ("search_source", "chroma"): 50.0,
    ("append_1", "pgvector"): 1.4,
    ("append_64", "pgvector"): 10.0,
    ("append_1_slow_disk", "pgvector"): 1.5,
}
_LEAST = {f"search_{name}_recall": TARGET for name in FILTERS}  # whoever it is beside
_CEILINGS = {"search_p99_while_appending": 3.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How many do the same at once, and for how long."""

    clients: int
    seconds: float

    def appends(self, batch: int, turn: int, *, more_s: float = 0) -> dict[str, Any]:
        """Of one kind; in each turn on a peer under numbers of their own."""
        return {"do": "append", "batch": batch, "clients": self.clients, "seconds": self.seconds + more_s, "turn": turn}


@dataclass
class Measured:
    """What one peer did, by metric: value and unit."""

    figures: dict[str, tuple[float, str]] = field(default_factory=dict)

    def take(self, name: str, value: float, unit: str) -> None:
        """Keep a figure."""
        self.figures[name] = value, unit

    def appends(self, name: str, batch: int, done: dict[str, Any]) -> None:
        """Keep what appending came to."""
        self.take(name, done["per_second"] * batch, "records/s")
        self.take(f"{name}_p99", done["p99"] * 1e3, "ms")


def measure(work: Workload, peers: tuple[str, ...], load: Load) -> None:
    """Tell every figure of ours, beside each peer's of the same run."""
    ours = _measured("tandem", work, load)
    theirs = {name: _measured(name, work, load) for name in peers}
    for name, (value, unit) in ours.figures.items():
        said = False
        for peer, measured in theirs.items():
            if name in measured.figures:
                other = measured.figures[name][0]
                ratio = value / other if other else None
                say(f"memory_{name}", value, unit, beside=peer, peer=other, ratio=ratio, floor=_FLOORS.get((name, peer)))
                said = True
        if not said or name in _LEAST:
            say(f"memory_{name}", value, unit, ceiling=_CEILINGS.get(name), floor=_LEAST.get(name))


def _measured(peer: str, work: Workload, load: Load) -> Measured:
    module, folder = import_module(f"tests.bench.memory.peers.{peer}"), work.folder / peer
    shutil.rmtree(folder, ignore_errors=True)
    measured = Measured()
    with ExitStack() as stack:
        address, pid = stack.enter_context(module.serving(folder))
        loaded = driven(peer, address, work, {"do": "load"})["seconds"]
        measured.take("load", len(work.vectors) / loaded, "records/s")
        if peer == "tandem":
            tandem.settle(pid)
        _searches(peer, address, work, load, measured)
        for turn, batch in enumerate((1, BATCH)):
            measured.appends(f"append_{batch}", batch, driven(peer, address, work, load.appends(batch, turn)))
        if peer == "tandem":
            _while_appending(address, work, load, measured)
        measured.take("disk", sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file()) / 2**20, "MiB")
    _restart(peer, module, folder, work, measured)
    if peer in _ON_A_SLOW_DISK:
        with module.serving(folder, slowly(work.folder)) as (address, _):
            measured.appends("append_1_slow_disk", 1, driven(peer, address, work, load.appends(1, 2)))
    return measured


def _searches(peer: str, address: str, work: Workload, load: Load, measured: Measured) -> None:
    for name in FILTERS:
        least = driven(peer, address, work, {"do": "recall", "filter": name})
        task = {"do": "search", "filter": name, "effort": least["effort"], "clients": load.clients, "seconds": load.seconds}
        done = driven(peer, address, work, task)
        measured.take(f"search_{name}", done["per_second"], "queries/s")
        measured.take(f"search_{name}_p99", done["p99"] * 1e3, "ms")
        measured.take(f"search_{name}_recall", least["recall"], "part")


def _while_appending(address: str, work: Workload, load: Load, measured: Measured) -> None:
    """One search after the other, alone and while as many clients append as can."""
    look = {"do": "search", "filter": "all", "effort": 0, "clients": 1, "seconds": load.seconds}
    alone = driven("tandem", address, work, look)["p99"]
    with begun("tandem", address, work, load.appends(1, 3, more_s=4)) as writers:
        time.sleep(3)  # until all of them are at it
        beside = driven("tandem", address, work, look)["p99"]
        writers.communicate()
    measured.take("search_p99_while_appending", beside / alone, "times its p99 alone")


def _restart(peer: str, module: Any, folder: Path, work: Workload, measured: Measured) -> None:
    began = time.perf_counter()
    with module.serving(folder) as (address, _):
        started = time.perf_counter() - began
        measured.take("ready", started + driven(peer, address, work, {"do": "first"})["seconds"], "s")
