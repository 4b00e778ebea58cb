"""Whether all that is kept is as it must be: each table against the others."""

from tandem_memory.store.checking.tables import Comparison, strangers

__all__ = ["Comparison", "strangers"]
