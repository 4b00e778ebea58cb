"""What of an index is in a file, as the parts that it was made of remember it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A file that is written down.

    Attributes:
        path: Where.
        size: Bytes.
        checksum: CRC-32 of them.
    """

    path: Path
    size: int
    checksum: int
