"""Memories in files: exports as JSON lines, and the pickle of the first scripts. Light to import."""

from tandem_memory.transfer.lines import MistakeError

__all__ = ["MistakeError"]
