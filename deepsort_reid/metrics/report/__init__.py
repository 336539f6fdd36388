"""Scores as text, CSV, LaTeX and HTML."""
