"""What processes have in memory."""

import os
from pathlib import Path


def resident_bytes(pid: int | None = None) -> int:
    """Memory of a process now, of this one if none is named."""
    pages = Path(f"/proc/{pid or 'self'}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
