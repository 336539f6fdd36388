"""CSV files: rows by column name, and columns that are checked."""

import pytest

from deepsort_reid.io.csv_rows import read_rows


def test_rows_are_read_with_their_lines(tmp_path):
    (tmp_path / "a.csv").write_text('b,a\n1,"x\ny"\n2,z\n', encoding="utf-8-sig")
    rows = list(read_rows(tmp_path / "a.csv", ["a"], ["b", "c"]))
    assert rows == [(3, {"b": "1", "a": "x\ny"}), (4, {"b": "2", "a": "z"})]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "1: expected the columns a, b, missing: a"),
        (b"b\n", "1: expected the columns a, b, missing: a"),
        (b"a,c\n", "1: expected the columns a, b, unknown: c"),
        (b"a,b,a\n", "1: expected the columns a, b, repeated: a"),
        (b"a,b\n1\n", "2: expected 2 cells, got 1"),
        (b"a,b\n1,2,3\n", "2: expected 2 cells, got 3"),
        (b"a,b\n\xff,1\n", " expected a CSV file in UTF-8"),
        (b"a,b\n" + b"x" * 200_000 + b",1\n", " expected a CSV file in UTF-8: field larger"),
    ],
)
def test_other_columns_and_rows_are_rejected(content, reason, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.csv:") as error:
        list(read_rows(path, ["a"], ["b"]))
    assert str(error.value).startswith(f"{path}:{reason}")
