"""Parts written in Go: somebody's module at a version, or a module of ours, with whatever proxy the machine's Go is set to."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tests.parts.part import Missing, Part, Say

_EVERY_S = 30  # between two signs of life of a build
STRIPPED = "-ldflags=-s -w"  # without symbols: a third smaller, and nobody debugs them here
LEAN = "-gcflags=all=-dwarf=false"  # nor does the compiler write what only a debugger reads: a seventh of its time


def install(module: str, part: Part, into: Path, say: Say, *, version: str = "", facts: Mapping[str, str] = MappingProxyType({})) -> None:
    """Build `module` at `version`, the part's when empty, into the folder `into`; `facts` are values of its variables.

    Raises:
        Missing: Without Go, or when the build fails; with its last line.
    """
    target = f"{module}@{version or part.version}"
    command = [program_for(part), "install", " ".join((STRIPPED, *(f"-X {name}={value}" for name, value in facts.items()))), LEAN, target]
    built(command, f"go install {target}", folder=into, log=into / "build.log", environ={"GOBIN": str(into)}, say=say)


def source(module: str, part: Part, *, version: str = "") -> Path:
    """The folder of a module's source at `version`, the part's when empty, in Go's own cache."""
    target = f"{module}@{version or part.version}"
    said = subprocess.run([program_for(part), "mod", "download", "-json", target], capture_output=True, text=True, check=False)
    found = json.loads(said.stdout or "{}")
    if "Dir" not in found:
        msg = f"`go mod download {target}` failed ({found.get('Error') or said.stderr.strip()}): check the network and GOPROXY"
        raise Missing(msg)
    return Path(found["Dir"])


def program_for(part: Part) -> str:
    """Go itself.

    Raises:
        Missing: Without it, in the name of the part that wants it.
    """
    go = shutil.which("go")
    if not go:
        msg = f"{part.name} {part.version} is built with Go, which is not on PATH: install it (https://go.dev/dl) and run the tests again"
        raise Missing(msg)
    return go


def built(command: list[str], what: str, *, folder: Path, log: Path, environ: Mapping[str, str], say: Say) -> None:
    """Run a build in `folder`, with these variables besides ours.

    Raises:
        Missing: When it fails; with its last line.
    """
    began = time.monotonic()
    with (
        log.open("w+") as output,
        subprocess.Popen(command, cwd=folder, env={**os.environ, **environ}, stdout=output, stderr=output) as build,
    ):
        _watch(build, what, began, say)
    if build.returncode:
        lines = log.read_text().strip().splitlines() or ["no output"]
        msg = f"`{what}` failed ({lines[-1]}): check the network and GOPROXY, and run the tests again"
        raise Missing(msg)


def _watch(build: "subprocess.Popen[bytes]", what: str, began: float, say: Say) -> None:
    """Wait for the build, and never be silent for long."""
    try:
        while True:
            say(f"{what}: {time.monotonic() - began:.0f} s so far, usually 2 to 10 minutes")
            try:
                build.wait(_EVERY_S)
            except subprocess.TimeoutExpired:
                continue
            return
    except BaseException:
        build.terminate()
        raise
