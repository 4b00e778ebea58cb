"""How an index is written down and read again, and how what is damaged is told."""
