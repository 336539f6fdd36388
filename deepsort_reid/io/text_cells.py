"""Text in cells of CSV files that a spreadsheet must not take for a formula."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(text: str) -> str:
    """The text, with an apostrophe in front if a spreadsheet could evaluate it; not for numbers."""
    return f"'{text}" if text.lstrip("'").startswith(_FORMULA) else text


def csv_cell(text: str) -> str:
    """The text as a cell of a CSV file: safe, and in quotes where it needs them."""
    cell = safe_cell(text).replace('"', '""')
    return f'"{cell}"' if any(mark in cell for mark in ',"\n\r') else cell


def original_cell(cell: str) -> str:
    """The text from which `safe_cell` made the cell."""
    is_changed = cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA)
    return cell[1:] if is_changed else cell
