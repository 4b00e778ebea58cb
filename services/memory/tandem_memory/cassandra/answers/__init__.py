"""How calls are answered from a shelf: reading and searching, watching, writing, checking and copying."""
