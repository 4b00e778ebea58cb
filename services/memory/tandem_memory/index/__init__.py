"""What is searched: float rows and columns derived from the log, which alone is the truth. The only room with faiss and turbovec."""

from tandem_memory.index.fields.facts import Facts
from tandem_memory.index.index import Index
from tandem_memory.index.kept.errors import SnapshotError

__all__ = ["Facts", "Index", "SnapshotError"]
