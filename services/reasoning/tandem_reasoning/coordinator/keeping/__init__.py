"""What outlives a coordinator's disk: snapshots of its ledger in an object store, and the run's report."""
