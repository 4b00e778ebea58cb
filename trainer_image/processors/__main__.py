"""Makes the torch of PyPI fit for processors alone: out goes what only a card could run, and an eighth of its bytes stay.

The only torch on PyPI for Linux is the CUDA build, and on a processor none of its CUDA half is ever called. That half cannot
be left out, for the other one is linked with it; but its code for cards can, and so can NVIDIA's libraries:

- `requirements-cpu.txt` installs two of those: the runtime, which finds no card, so that torch says that there is none, and
  the profiler's interface. A stub stands in for every other: it has the names that torch wants of it, and a function of it
  ends the process and says which was called.
- `.nv_fatbin`, the machine code for cards, is cut out of torch's libraries; its addresses read as zeros.
- So are the symbol tables that only debuggers read, as every distribution does, and what only compilers of extensions need.

    python -m processors FOLDER         the folder that torch was installed in, with `pip install --target`

It is run once, where an image is built (see Dockerfile), and changes nothing where torch has no CUDA half.
"""

import platform
import sys
from pathlib import Path

from processors.slimming import slim


def main() -> None:
    """Slim the installation in the folder that the command line names."""
    folder = Path(sys.argv[-1])
    if len(sys.argv) != 2 or not (folder / "torch").is_dir():  # noqa: PLR2004  the module and the folder
        sys.exit("usage: python -m processors FOLDER, where pip has installed torch")
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        sys.exit("this knows Linux on x86-64 only: build with requirements.txt instead of requirements-cpu.txt")
    before = _bytes(folder)
    slim(folder)
    print(f"{folder}: {before >> 20} MiB before, {_bytes(folder) >> 20} MiB after")  # noqa: T201  what a build log is for


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
