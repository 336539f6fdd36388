"""Self-contained HTML pages: elements, style and script that all pages of the package share."""
