"""A worker's image is small because a worker needs little."""

import subprocess
import sys

_HEAVY = {"sqlite3", "numpy", "pydantic", "prometheus_client", "uvloop", "tandem_memory", "tandem_objects"}


def test_a_worker_loads_nothing_heavy() -> None:
    """Not even by a detour; what a coordinator needs on top is an extra of the package."""
    program = "import sys, tandem_reasoning.worker.__main__; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "httpx2" in loaded
    assert not _HEAVY & set(loaded)
