"""A disk on which a sync takes 2 ms longer, as on a cloud's volumes: a library in front of the C library's, built when it is asked for."""

import shutil
import subprocess
from pathlib import Path

from tests.parts.part import Missing

_SLOWER_US = 2000
_SOURCE = Path(__file__).with_name("slow_sync.c")


def slowly(folder: Path) -> tuple[str, ...]:
    """What a command is put behind so that its disk is slow.

    Args:
        folder: Where the library is built; other users must be able to read it, since a database may run as one.

    Raises:
        Missing: without a C compiler.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        msg = "a slow disk takes a C compiler: install gcc"
        raise Missing(msg)
    library = folder / "slow_sync.so"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, _SOURCE, "-ldl"], check=True)
    folder.chmod(folder.stat().st_mode | 0o011)  # others may go through
    library.chmod(0o755)
    return "env", f"LD_PRELOAD={library}", f"SLOWSYNC_US={_SLOWER_US}"
