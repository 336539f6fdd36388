"""Cells of CSV files that spreadsheets do not evaluate."""

import pytest

from deepsort_reid.io.text_cells import original_cell, safe_cell


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "=", "'=1", "'", "", "a=1"]
)
def test_text_is_no_formula_and_can_be_restored(text):
    cell = safe_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert original_cell(cell) == text


def test_ordinary_text_is_unchanged():
    assert safe_cell("MOT16-09 (a+b).png") == "MOT16-09 (a+b).png"
