"""What turns texts into vectors: hashed n-grams, which need nothing else, or an OpenAI-compatible endpoint."""

from tandem_memory.embedding.embedding import Embedding
from tandem_memory.embedding.endpoint import Endpoint
from tandem_memory.embedding.ngrams import Ngrams

__all__ = ["Embedding", "Endpoint", "Ngrams"]
