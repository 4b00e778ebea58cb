"""The backend of one machine: a durable log on its disk, searched by indexes in memory."""

from tandem_memory.embedded.backend import Embedded
from tandem_memory.embedded.committer import Committed, not_counted

__all__ = ["Committed", "Embedded", "not_counted"]
