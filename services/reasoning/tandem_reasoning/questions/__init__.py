"""The question set of a run: where it is, and what its lines hold."""
