"""LMDB and the files about it: how they are opened, written, sealed and kept from filling the disk. Knows bytes, and nothing of records."""
