"""Scripts that print the published numbers; run them from the repository, see README.md."""
