"""The operator as a process of this machine, and what it costs: processor time, memory, and its own count of writes."""

import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.machine import processes
from tests.cluster.site import Site
from tests.parts.running import free_port, running

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """An operator that acts."""

    process: "subprocess.Popen[bytes]"
    port: int

    @property
    def cpu_s(self) -> float:
        """Processor time so far."""
        return _cpu_s(self.process.pid)

    @property
    def resident_bytes(self) -> int:
        """Memory that it holds now."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        assert found
        return int(found[1]) * _KIB

    def figure(self, name: str, **labels: str) -> float:
        """The value of one of its metrics; 0 when it has no such series yet."""
        wanted = name + ("{" + ",".join(f'{label}="{value}"' for label, value in labels.items()) + "}" if labels else "")
        for line in self._get("/metrics").splitlines():
            series, _, value = line.rpartition(" ")
            if series == wanted:
                return float(value)
        return 0.0

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
def operating(kubeconfig: Path, folder: Path, more: Mapping[str, str] | None = None) -> Generator[Operator]:
    """An operator that acts on the cluster of `kubeconfig`, until the end of the block."""
    port = free_port()
    settings = {
        "KUBECONFIG": str(kubeconfig),
        "TANDEM_OPERATOR_PROBES_LISTEN": f"127.0.0.1:{port}",
        "TANDEM_OPERATOR_OWN_NAMESPACE": "default",
        "TANDEM_OPERATOR_CHECKPOINT_URI": "s3://tandem/runs",
        "TANDEM_OPERATOR_LOG_LEVEL": "WARNING",
    }
    environ = {**os.environ, **settings, **(more or {})}
    command = [sys.executable, "-m", "tandem_operator.cluster"]

    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                return b"tandem_operator_leader 1.0" in answer.read()
        except OSError:
            return False

    with running(command, environ=environ, log=folder / "operator.log", ready=ready) as process:
        yield Operator(process=process, port=port)
