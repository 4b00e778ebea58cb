"""Whether what was acknowledged is there after a restart, for everybody alike: `python -m tests.bench.memory --only kept`.

Eight clients append batches of 64 until the peer is ended: asked to leave once they have, or killed under them, with all its
processes. It is started again and asked for the numbers of all that it holds. What was written and not acknowledged may be there or
not. A kill takes a process and not the machine: what a peer handed to the kernel is kept, whether or not it was synced.
"""

import signal
import subprocess
from collections.abc import Iterator
from importlib import import_module

from tests.bench.memory.driving import driven, running
from tests.bench.memory.line import say
from tests.bench.memory.processes import end
from tests.bench.memory.workload import Workload

ENDINGS = ("closed", "killed")


def measure(work: Workload, peers: tuple[str, ...]) -> None:
    """Tell for ours and each peer how many records were acknowledged, found again, and lost, by how it was ended."""
    for peer in ("tandem", *peers):
        for ended in ENDINGS:
            acknowledged, found = outcome(peer, work, ended)
            lost = len(acknowledged - found)
            said = {"acknowledged": len(acknowledged), "found": len(acknowledged & found), "beside": peer, "ended": ended}
            say("memory_kept_lost", lost, "records", **said, ceiling=0 if peer == "tandem" else None)


def outcome(peer: str, work: Workload, ended: str) -> tuple[set[int], set[int]]:
    """Numbers of the records that were acknowledged, and of those that are there after a restart."""
    module, folder = import_module(f"tests.bench.memory.peers.{peer}"), work.folder / f"kept-{peer}-{ended}"
    with module.serving(folder) as (address, pid):
        driven(peer, address, work, {"do": "load"})
        with running(peer, "writing", peer, address, work.folder) as writers:
            acknowledged = set(_until(writers, len(work.vectors)))
            server = None if module.EMBEDDED else pid
            acknowledged |= set(numbers(_killed(writers, server) if ended == "killed" else _closed(writers, server)))
    with module.serving(folder) as (address, _):
        found = driven(peer, address, work, {"do": "numbers"})["numbers"]
    return acknowledged | set(range(len(work.vectors))), set(found)


def numbers(said: bytes) -> Iterator[int]:
    """The numbers that whole lines name."""
    for line in said[: said.rfind(b"\n") + 1].splitlines():
        first, behind = map(int, line.split())
        yield from range(first, behind)


def _until(writers: "subprocess.Popen[bytes]", enough: int) -> Iterator[int]:
    """What is acknowledged, until it is so many."""
    assert writers.stdout
    while enough > 0:
        line = writers.stdout.readline()
        assert line, "writers ended by themselves"
        told = tuple(numbers(line))
        yield from told
        enough -= len(told)


def _killed(writers: "subprocess.Popen[bytes]", server: int | None) -> bytes:
    """Kill the server, if there is one, then those who write; what they had said until then."""
    for pid in (server, writers.pid):
        if pid is not None:
            end(pid, signal.SIGKILL)
    assert writers.stdout
    return writers.stdout.read()


def _closed(writers: "subprocess.Popen[bytes]", server: int | None) -> bytes:
    """Have those who write leave, then the server; what they said until then."""
    assert writers.stdin
    assert writers.stdout
    writers.stdin.close()
    said = writers.stdout.read()
    assert writers.wait() == 0, "writers failed"
    if server is not None:
        end(server, signal.SIGTERM)
    return said
