"""What is searched: float rows and columns derived from the log, which alone is the truth. The only room with usearch and turbovec."""

from tandem_memory.index.errors import DamagedError
from tandem_memory.index.facts import Facts
from tandem_memory.index.index import Index

__all__ = ["DamagedError", "Facts", "Index"]
