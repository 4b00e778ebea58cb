"""The wire's calls, a file for each group of them, around any backend. All that they share is in `parts`."""

from tandem_memory.service.memory import Memory
from tandem_memory.service.parts import Parts

__all__ = ["Memory", "Parts"]
