"""How much of everything is taken in. What depends on the machine is a setting; the rest is what the wire says."""

from dataclasses import dataclass

RECORDS = 4096  # of a request, as the wire says; so many wait for one sync of the disk
QUERIES = 256
IDS = 1000
FOUND = 1000
DEFAULT_FOUND = 10
PAGE = 1000
DEFAULT_PAGE = 100
KEY_BYTES = 128
CURSOR_CHARACTERS = 65_536  # that of a cluster has at most 42 for each log that it is within: for 1,500 of them
DIMENSIONS = 8192  # twice the largest embedding that is offered today

# Of a record. What is filtered by is short, because every index holds it in memory; the texts are bounded by the record's size.
NAME_CHARACTERS = 128
ITEMS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the service was told to take in.

    Attributes:
        record_bytes: Largest record, as it is on the wire.
    """

    record_bytes: int = 16 * 1024 * 1024
