"""The operator as a process of this machine, and what it costs: processor time, memory, and its own count of writes."""

import itertools
import os
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.cluster.machine import processes
from tests.cluster.site import Site
from tests.parts.running import free_port, running

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_KIB = 1024
_PROGRAM = ("-m", "tandem_operator.cluster")
_LOOK_S = 0.5
_PAUSE_S = 1.0  # as a kubelet before the first restart of a container


class Operator:
    """An operator that acts, and that is started again when it has ended, as a Deployment would.

    Attributes:
        process: The one that runs, or has just ended.
        port: Where its probes are.
        restarts: How often it was started again.
    """

    def __init__(self, start: Callable[[], "subprocess.Popen[bytes]"], port: int) -> None:
        """The first one is started by this; `start` is called in a thread of ours from then on, and what it starts ends with that."""
        self.port, self.restarts = port, 0
        self._start, self._over = start, threading.Event()
        self._used_s = self._ended_s = 0.0
        self.process = start()

    @property
    def cpu_s(self) -> float:
        """Processor time so far, of those that have ended as well."""
        if self.process.poll() is None:
            self._used_s = _cpu_s(self.process.pid)
        return self._ended_s + self._used_s

    def attend(self) -> None:
        """Start it again whenever it has ended, until `leave`."""
        while not self._over.wait(_LOOK_S):
            _ = self.cpu_s  # of a process that has ended nothing can be read any more
            if self.process.poll() is not None:
                self._ended_s, self._used_s, self.restarts = self._ended_s + self._used_s, 0.0, self.restarts + 1
                self._over.wait(_PAUSE_S)
                self.process = self._start()

    def leave(self) -> None:
        """Start it no more."""
        self._over.set()

    @property
    def resident_bytes(self) -> int:
        """Memory that it holds now; none when it has ended and was not started again yet."""
        try:
            found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        except FileNotFoundError:
            return 0
        return int(found[1]) * _KIB if found else 0

    def figure(self, name: str, **labels: str) -> float:
        """The value of one of its metrics; 0 when it has no such series yet."""
        wanted = name + ("{" + ",".join(f'{label}="{value}"' for label, value in labels.items()) + "}" if labels else "")
        for line in self._get("/metrics").splitlines():
            series, _, value = line.rpartition(" ")
            if series == wanted:
                return float(value)
        return 0.0

    def figures(self, name: str) -> dict[tuple[str, ...], float]:
        """The values of all series of one of its metrics, by their labels."""
        lines = (line.rpartition(" ") for line in self._get("/metrics").splitlines() if line.startswith(name + "{"))
        return {tuple(re.findall(r'="([^"]*)"', series)): float(value) for series, _, value in lines}

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return answer.read().decode()


def cluster_cpu_s(site: Site) -> float:
    """Processor time that the parts of a cluster have used so far: API server, etcd, controllers, scheduler, kwok."""
    pids = (processes.running(site, file.name) for file in site.pids.iterdir())
    return sum(_cpu_s(pid) for pid in pids if pid)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND


@contextmanager
def operating(
    kubeconfig: Path, folder: Path, more: Mapping[str, str] | None = None, *, program: Sequence[str] = _PROGRAM
) -> Generator[Operator]:
    """An operator that acts on the cluster of `kubeconfig`, until the end of the block; `program` are the arguments of Python."""
    port = free_port()
    settings = {
        "KUBECONFIG": str(kubeconfig),
        "TANDEM_OPERATOR_PROBES_LISTEN": f"127.0.0.1:{port}",
        "TANDEM_OPERATOR_CHECKPOINT_URI": "s3://tandem/runs",
        "TANDEM_OPERATOR_LOG_LEVEL": "WARNING",
    }
    environ = {**os.environ, **settings, **(more or {})}

    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                return b"tandem_operator_leader 1.0" in answer.read()
        except OSError:
            return False

    with ExitStack() as started:
        numbers = itertools.count()

        def start() -> "subprocess.Popen[bytes]":
            log, first = folder / f"operator-{(number := next(numbers))}.log", number == 0
            command = [sys.executable, *program]
            return started.enter_context(running(command, environ=environ, log=log, ready=ready if first else lambda: True))

        operator = Operator(start, port)
        attending = threading.Thread(target=operator.attend, daemon=True)
        attending.start()
        try:
            yield operator
        finally:
            operator.leave()
            attending.join()
