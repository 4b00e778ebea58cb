"""The calls of the wire, around any backend. All that they share is in `parts`."""

from tandem_memory.service.calls.memory import Memory
from tandem_memory.service.parts import Parts

__all__ = ["Memory", "Parts"]
