"""Servers and channels that live in an event loop, with the same manners as those of threads."""
