"""Shared memory of all lanes: a durable log of records, searched by meaning. Others import `tandem_memory.client` and nothing else."""
