"""Can this machine train? Each check says what it found and, where that is not enough, what to do.

Nothing heavy is imported here: whether torch and DeepSpeed can be is tried in a process of its own, with a time limit.
"""

import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

from tandem_operator.local.process.environment import interpreter
from tandem_operator.local.processor import has_bfloat16
from tandem_operator.render import s3

from .state.home import Home, cache

_PYTHON = (3, 11)
_GB = 10**9
_SHARED_MEMORY = Path("/dev") / "shm"
_LEAST_MEMORY_GB = 2
_LEAST_DISK_GB = 5
_IMPORT_S = 120
_CONNECT_S = 5


class Verdict(StrEnum):
    """How a check ends: `note` is worth knowing, `missing` stands in the way."""

    OK = "ok"
    NOTE = "note"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    thing: str
    verdict: Verdict
    found: str
    fix: str = ""

    def told(self) -> dict[str, object]:
        """The check for programs."""
        return {"thing": self.thing, "verdict": self.verdict.value, "found": self.found, "fix": self.fix}


def checks(environ: Mapping[str, str] = os.environ) -> tuple[Check, ...]:
    """All checks, in the order in which a run would stumble."""
    simple: tuple[Callable[[], Check], ...] = (_python, _processes, _cores, _memory, _shared_memory)
    home = Home.of(environ).path
    return (
        *(check() for check in simple),
        _disk("state", home),
        _disk("cache", cache(environ)),
        *(_importable(package, environ) for package in ("torch", "deepspeed")),
        _card(),
        *_object_store(environ),
    )


def _python() -> Check:
    found = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info >= _PYTHON:
        return Check(thing="python", verdict=Verdict.OK, found=found)
    return Check(thing="python", verdict=Verdict.MISSING, found=found, fix="install Python 3.11 or newer: `uv python install 3.11`")


def _processes() -> Check:
    """Workers are told apart by /proc and signalled by pidfd, as Linux has them since 5.3."""
    if sys.platform == "linux" and Path("/proc/self/stat").exists() and hasattr(os, "pidfd_open"):
        return Check(thing="processes", verdict=Verdict.OK, found=f"Linux {platform.release()}, /proc and pidfd")
    return Check(thing="processes", verdict=Verdict.MISSING, found=platform.platform(), fix="run on Linux 5.3 or newer with /proc mounted")


def _cores() -> Check:
    cores = len(os.sched_getaffinity(0))
    if has_bfloat16():
        return Check(thing="cores", verdict=Verdict.OK, found=str(cores))
    found = f"{cores}, without instructions for bf16"
    return Check(thing="cores", verdict=Verdict.NOTE, found=found, fix="say precision: fp32 for what trains on them")


def _memory() -> Check:
    facts = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
    free_gb = int(facts["MemAvailable"].split()[0]) * 1024 / _GB
    found = f"{free_gb:.1f} GB available"
    if free_gb >= _LEAST_MEMORY_GB:
        return Check(thing="memory", verdict=Verdict.OK, found=found)
    return Check(thing="memory", verdict=Verdict.NOTE, found=found, fix="the quickstart needs about 2 GB: end other programs")


def _shared_memory() -> Check:
    """State is staged in memory without a name (memfd) or, where there is none, in /dev/shm."""
    if hasattr(os, "memfd_create"):
        return Check(thing="staging", verdict=Verdict.OK, found="memfd")
    if _SHARED_MEMORY.is_dir():
        return Check(thing="staging", verdict=Verdict.OK, found=str(_SHARED_MEMORY))
    return Check(
        thing="staging",
        verdict=Verdict.NOTE,
        found=f"neither memfd nor {_SHARED_MEMORY}",
        fix="checkpoints are staged on disk and hold up training longer",
    )


def _disk(thing: str, folder: Path) -> Check:
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free_gb = shutil.disk_usage(there).free / _GB
    found = f"{free_gb:.0f} GB free for {folder}"
    variable = f"TANDEM_{thing.upper()}"
    if not os.access(there, os.W_OK):
        return Check(thing=thing, verdict=Verdict.MISSING, found=f"{there} cannot be written", fix=f"set {variable} to a folder of yours")
    if free_gb < _LEAST_DISK_GB:
        return Check(thing=thing, verdict=Verdict.NOTE, found=found, fix=f"make room, or set {variable} to a larger disk")
    return Check(thing=thing, verdict=Verdict.OK, found=found)


def _importable(package: str, environ: Mapping[str, str]) -> Check:
    """Whether workers can import a package, and which version it is."""
    python = interpreter(environ)
    fix = "install the trainer: `uv sync`, or pip install 'tandem-trainer[deepspeed]', or set TANDEM_PYTHON to the Python that has it"
    try:
        found = version(package) if python == sys.executable else "found"
    except PackageNotFoundError:
        return Check(thing=package, verdict=Verdict.MISSING, found=f"not installed for {python}", fix=fix)
    command = [python, "-c", f"import {package}"]
    try:
        tried = subprocess.run(command, capture_output=True, timeout=_IMPORT_S, check=False, env={**environ, "DS_ACCELERATOR": "cpu"})
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check(thing=package, verdict=Verdict.MISSING, found=f"{found}, but {error}", fix=fix)
    if tried.returncode:
        words = tried.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {tried.returncode}"]
        return Check(thing=package, verdict=Verdict.MISSING, found=f"{found}, but importing it fails: {words[-1]}", fix=fix)
    return Check(thing=package, verdict=Verdict.OK, found=found)


def _card() -> Check:
    for program, kind in (("nvidia-smi", "nvidia"), ("rocm-smi", "amd")):
        if path := shutil.which(program):
            return Check(thing="card", verdict=Verdict.OK, found=f"{kind}, by {path}: set accelerator: {kind} and gpusPerWorker")
    return Check(thing="card", verdict=Verdict.NOTE, found="none; training runs on the CPU")


def _object_store(environ: Mapping[str, str]) -> Iterator[Check]:
    """Whether the S3 endpoint that is set answers; what it lets us do shows when a run starts."""
    endpoint = environ.get(s3.ENDPOINT)
    if not endpoint:
        return
    address = urlsplit(endpoint)
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        with socket.create_connection((address.hostname or "", port), timeout=_CONNECT_S):
            pass
    except OSError as error:
        fix = f"start it, or correct {s3.ENDPOINT}, such as http://127.0.0.1:9000"
        yield Check(thing="s3", verdict=Verdict.MISSING, found=f"{endpoint}: {error.strerror or error}", fix=fix)
        return
    missing = [name for name in s3.KEYS if not environ.get(name)]
    if missing:
        yield Check(thing="s3", verdict=Verdict.MISSING, found=f"{endpoint} answers", fix=f"set {' and '.join(missing)}")
        return
    yield Check(thing="s3", verdict=Verdict.OK, found=f"{endpoint} answers")
