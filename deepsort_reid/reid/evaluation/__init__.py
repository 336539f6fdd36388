"""Evaluation of embedders: retrieval, re-ranking, verification, t-SNE, plots and report."""
