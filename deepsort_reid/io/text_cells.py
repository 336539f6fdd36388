"""Text in cells of CSV files that a spreadsheet must not take for a formula."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(text: str) -> str:
    """The text, with an apostrophe in front if a spreadsheet could evaluate it; not for numbers."""
    return f"'{text}" if text.lstrip("'").startswith(_FORMULA) else text


def original_cell(cell: str) -> str:
    """The text from which `safe_cell` made the cell."""
    is_changed = cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA)
    return cell[1:] if is_changed else cell
