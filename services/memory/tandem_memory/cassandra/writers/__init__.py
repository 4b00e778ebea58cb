"""How a replica writes its own logs: that it is heard of, whose names are whose, and what waits to be written."""
