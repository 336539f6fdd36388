"""Networks that map crops of people to embeddings."""
