"""Teaching the local lane's model what the cloud lane answered for it: what to teach, and whether the taught model may take over."""
