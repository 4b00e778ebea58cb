"""Who is measured. Each is a module with a `Client` and `serving`; their libraries are imported only where they are."""

SEARCHED = ("pgvector", "chroma", "qdrant")
KEEPING = (*SEARCHED, "milvus")
