"""Who is measured. Each is a module with a `Client` and, for servers, `serving`; imported only where its libraries are."""

PEERS = ("tandem", "pgvector", "chroma", "qdrant")
