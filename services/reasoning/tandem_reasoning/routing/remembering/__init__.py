"""What the shared memory takes in, what it gives up, and when it is not asked any more."""
