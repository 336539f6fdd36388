"""Evaluation of an embedder: retrieval, verification, plots and report."""
