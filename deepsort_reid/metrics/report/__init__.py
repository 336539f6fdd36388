"""Scores as text, CSV, LaTeX and HTML."""

from deepsort_reid.metrics.report.html_report import SwitchStrip, html_report
from deepsort_reid.metrics.report.motmetrics_table import motmetrics_table
from deepsort_reid.metrics.report.tables import (
    COLUMNS,
    COMBINED,
    as_dict,
    csv_table,
    latex_table,
    text_table,
    with_combined,
)

__all__ = [
    "COLUMNS",
    "COMBINED",
    "SwitchStrip",
    "as_dict",
    "csv_table",
    "html_report",
    "latex_table",
    "motmetrics_table",
    "text_table",
    "with_combined",
]
