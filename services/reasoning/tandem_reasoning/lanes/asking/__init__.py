"""How a server is asked once, and what its answer or refusal means."""
