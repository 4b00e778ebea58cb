"""How a peer is asked for something: by a process in that peer's environment, so that nobody's libraries meet another's."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.bench.memory.peers.environment import interpreter
from tests.bench.memory.workload import Workload

_ROOT = Path(__file__).parents[3]


def driven(peer: str, address: str, work: Workload, task: dict[str, Any]) -> dict[str, Any]:
    """Have `drive` do `task`; what came of it.

    Raises:
        RuntimeError: when it failed; it has said why.
    """
    with begun(peer, address, work, task) as process:
        out, _ = process.communicate()
    if process.returncode:
        message = f"{peer}: {task} failed"
        raise RuntimeError(message)
    return json.loads(out.splitlines()[-1])


def begun(peer: str, address: str, work: Workload, task: dict[str, Any]) -> "subprocess.Popen[bytes]":
    """`drive` at `task`; whoever waits for it reads one line of JSON."""
    return running(peer, "drive", peer, address, work.folder, json.dumps(task))


def running(peer: str, module: str, *arguments: str | Path) -> "subprocess.Popen[bytes]":
    """A module of this bench in the environment of a peer, with both its ends in our hands."""
    command = [interpreter(peer), "-m", f"tests.bench.memory.{module}", *arguments]
    return subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
