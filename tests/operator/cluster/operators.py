"""Operators as processes: started, asked to stop, killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forge:
    """Where they are started."""

    process: "subprocess.Popen[str]"

    @classmethod
    @contextmanager
    def lit(cls) -> Generator[Self]:
        """Ready for orders, within it."""
        command = [sys.executable, "-m", "tests.operator.cluster.forge"]
        with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            yield cls(process=process)
            assert process.stdin
            process.stdin.close()

    def order(self, **order: object) -> int:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


class Operator:
    """One operator, and those that come after it in the same pod."""

    def __init__(self, forge: Forge, kubeconfig: Path, namespace: str, log: Path, settings: Mapping[str, str]) -> None:
        self.log = log
        self._forge = forge
        self._pid: int | None = None
        told = {"namespace": namespace, "identity": "one", "probes_listen": "127.0.0.1:0", **settings}
        ours = {f"TANDEM_OPERATOR_{name.upper()}": value for name, value in told.items()}
        self._environment = {"KUBECONFIG": str(kubeconfig), "PATH": os.environ["PATH"], **ours}

    def start(self) -> Self:
        assert self._pid is None, "it runs"
        self._pid = self._forge.order(start=self._environment, log=str(self.log))
        return self

    def kill(self) -> None:
        """SIGKILL: it does nothing more."""
        assert self._end(signal.SIGKILL) == -signal.SIGKILL, f"it had ended by itself:\n{self.last_words()}"

    def stop(self) -> None:
        """SIGTERM, as a kubelet says it, and its end."""
        code = self._end(signal.SIGTERM)
        assert code == 0, f"exit code {code}:\n{self.last_words()}"

    def ask_to_stop(self) -> None:
        """SIGTERM alone; whatever the operator hears of after this has returned, it hears of later."""
        assert self._pid is not None
        os.kill(self._pid, signal.SIGTERM)
        while _pending(self._pid, signal.SIGTERM):
            time.sleep(0.01)

    def jump(self) -> None:
        """Have its wall clock be off by the setting `jump_s`."""
        assert self._pid is not None
        os.kill(self._pid, signal.SIGUSR1)

    def ended(self) -> int:
        """Wait for its own end; the exit code."""
        assert self._pid is not None
        code = self._forge.order(wait=self._pid)
        self._pid = None
        return code

    @property
    def runs(self) -> bool:
        return self._pid is not None

    def last_words(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text().splitlines()[-60:]) if self.log.exists() else ""

    def _end(self, how: signal.Signals) -> int:
        assert self._pid is not None
        os.kill(self._pid, how)  # a process that has ended waits there for `ended`
        return self.ended()


def _pending(pid: int, number: signal.Signals) -> bool:
    """Whether a process has not been interrupted by that signal yet (proc_pid_status(5))."""
    said = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return bool(int(said.get("ShdPnd", "0"), 16) >> (number - 1) & 1)
