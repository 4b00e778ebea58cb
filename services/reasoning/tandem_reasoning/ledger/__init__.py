"""The run on disk: items, leases, calls and money in one SQLite file; every promise is one transaction."""
