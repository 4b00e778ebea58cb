"""Logs as they are kept: where something is, what stands there, and what it is found by."""
