"""Whether all that is kept is as it must be: pages by themselves, then each table against the others."""

from tandem_memory.store.checking.pages import damaged_pages
from tandem_memory.store.checking.tables import Comparison, strangers

__all__ = ["Comparison", "damaged_pages", "strangers"]
