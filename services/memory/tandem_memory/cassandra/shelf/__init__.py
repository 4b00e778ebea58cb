"""A namespace as one replica knows it: its logs, how far each has come, and what of them may not be on every node yet."""
