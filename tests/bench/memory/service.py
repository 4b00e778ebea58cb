"""The service and its peers, one after the other, each asked for the same; then ours by each of theirs."""

import json
import shutil
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.bench.memory.line import say
from tests.bench.memory.peers import tandem
from tests.bench.memory.peers.environment import interpreter
from tests.bench.memory.workload import FILTERS, Workload

ROOT = Path(__file__).parents[3]
CLIENTS, BATCH = 8, 64
_FLOORS = {
    ("search_all", "pgvector"): 1.15,
    ("search_all", "chroma"): 5.0,
    ("search_all", "qdrant"): 0.9,
    ("search_source", "pgvector"): 2.0,
    ("search_best", "pgvector"): 2.0,
    ("search_source", "chroma"): 50.0,
    ("append_1", "pgvector"): 1.4,
    ("append_64", "pgvector"): 10.0,
}


@dataclass
class Measured:
    """What one peer did, by metric: value and unit."""

    figures: dict[str, tuple[float, str]] = field(default_factory=dict)

    def take(self, name: str, value: float, unit: str) -> None:
        """Keep a figure."""
        self.figures[name] = value, unit


def measure(work: Workload, peers: tuple[str, ...], seconds: float) -> None:
    """Tell every figure of ours, beside each peer's of the same run."""
    ours = _measured("tandem", work, seconds)
    theirs = {name: _measured(name, work, seconds) for name in peers}
    for name, (value, unit) in ours.figures.items():
        said = False
        for peer, measured in theirs.items():
            if name in measured.figures:
                other = measured.figures[name][0]
                ratio = value / other if other else None
                say(f"memory_{name}", value, unit, beside=peer, peer=other, ratio=ratio, floor=_FLOORS.get((name, peer)))
                said = True
        if not said:
            say(f"memory_{name}", value, unit)


def _measured(peer: str, work: Workload, seconds: float) -> Measured:
    module, folder = import_module(f"tests.bench.memory.peers.{peer}"), work.folder / peer
    shutil.rmtree(folder, ignore_errors=True)
    measured = Measured()
    with ExitStack() as stack:
        address, pid = stack.enter_context(module.serving(folder))
        loaded = _driven(peer, address, work, {"do": "load"})["seconds"]
        measured.take("load", len(work.vectors) / loaded, "records/s")
        if peer == "tandem":
            tandem.settle(pid)
        _searches(peer, address, work, seconds, measured)
        for turn, batch in enumerate((1, BATCH)):
            task = {"do": "append", "batch": batch, "clients": CLIENTS, "seconds": seconds, "turn": turn}
            done = _driven(peer, address, work, task)
            measured.take(f"append_{batch}", done["per_second"] * batch, "records/s")
            measured.take(f"append_{batch}_p99", done["p99"] * 1e3, "ms")
        if peer == "tandem":
            _while_appending(address, work, seconds, measured)
        measured.take("disk", sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file()) / 2**20, "MiB")
    _restart(peer, module, folder, work, measured)
    return measured


def _searches(peer: str, address: str, work: Workload, seconds: float, measured: Measured) -> None:
    for name in FILTERS:
        least = _driven(peer, address, work, {"do": "recall", "filter": name})
        task = {"do": "search", "filter": name, "effort": least["effort"], "clients": CLIENTS, "seconds": seconds}
        done = _driven(peer, address, work, task)
        measured.take(f"search_{name}", done["per_second"], "queries/s")
        measured.take(f"search_{name}_p99", done["p99"] * 1e3, "ms")
        measured.take(f"search_{name}_recall", least["recall"], "part")


def _while_appending(address: str, work: Workload, seconds: float, measured: Measured) -> None:
    """One search after the other, alone and while as many clients append as can."""
    look = {"do": "search", "filter": "all", "effort": 0, "clients": 1, "seconds": seconds}
    alone = _driven("tandem", address, work, look)["p99"]
    write = {"do": "append", "batch": 1, "clients": CLIENTS, "seconds": seconds + 4, "turn": 2}
    with _begun("tandem", address, work, write) as writers:
        time.sleep(3)  # until all of them are at it
        beside = _driven("tandem", address, work, look)["p99"]
        writers.communicate()
    measured.take("search_p99_while_appending", beside / alone, "times its p99 alone")


def _restart(peer: str, module: Any, folder: Path, work: Workload, measured: Measured) -> None:
    began = time.perf_counter()
    with module.serving(folder) as (address, _):
        started = time.perf_counter() - began
        measured.take("ready", started + _driven(peer, address, work, {"do": "first"})["seconds"], "s")


def _driven(peer: str, address: str, work: Workload, task: dict[str, Any]) -> dict[str, Any]:
    with _begun(peer, address, work, task) as process:
        out, _ = process.communicate()
    if process.returncode:
        message = f"{peer}: {task} failed"
        raise RuntimeError(message)
    return json.loads(out.splitlines()[-1])


def _begun(peer: str, address: str, work: Workload, task: dict[str, Any]) -> "subprocess.Popen[bytes]":
    command = [interpreter(peer), "-m", "tests.bench.memory.drive", peer, address, work.folder, json.dumps(task)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
