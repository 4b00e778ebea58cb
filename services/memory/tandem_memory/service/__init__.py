"""The wire's calls, a file for each group of them, around any backend. All that they share is in `parts`."""

from tandem_memory.service.memory import Memory
from tandem_memory.service.parts import Embedding, Parts

__all__ = ["Embedding", "Memory", "Parts"]
