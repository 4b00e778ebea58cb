"""Parts written in Go: `go install module@version`, with whatever proxy the machine's Go is set to."""

import os
import shutil
import subprocess
import time
from pathlib import Path

from tests.parts.part import Missing, Part, Say

_EVERY_S = 30  # between two signs of life of a build


def install(module: str, part: Part, into: Path, say: Say) -> None:
    """Build `module` at the part's version into the folder `into`.

    Raises:
        Missing: Without Go, or when the build fails; with its last line.
    """
    go = shutil.which("go")
    if not go:
        msg = f"{part.name} {part.version} is built with Go, which is not on PATH: install it (https://go.dev/dl) and run the tests again"
        raise Missing(msg)
    target = f"{module}@{part.version}"
    log = into / "build.log"
    began = time.monotonic()
    with (
        log.open("w+") as output,
        subprocess.Popen([go, "install", target], env={**os.environ, "GOBIN": str(into)}, stdout=output, stderr=output) as build,
    ):
        _watch(build, f"go install {target}", began, say)
    if build.returncode:
        lines = log.read_text().strip().splitlines() or ["no output"]
        msg = f"`go install {target}` failed ({lines[-1]}): check the network and GOPROXY, and run the tests again"
        raise Missing(msg)


def _watch(build: "subprocess.Popen[bytes]", what: str, began: float, say: Say) -> None:
    """Wait for the build, and never be silent for long."""
    try:
        while True:
            say(f"{what}: {time.monotonic() - began:.0f} s so far, usually 3 to 10 minutes")
            try:
                build.wait(_EVERY_S)
            except subprocess.TimeoutExpired:
                continue
            return
    except BaseException:
        build.terminate()
        raise
