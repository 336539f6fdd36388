"""Training an embedder."""
