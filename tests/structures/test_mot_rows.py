"""MOT rows: defaults, selection, concatenation, and refused columns."""

import numpy as np
import pytest

from deepsort_reid.structures.mot_rows import MotRows
from tests.structures.rows import rows_of


def test_defaults_are_score_one_and_unknown_class_and_visibility():
    rows = rows_of([1, 2])
    assert rows.score.tolist() == [1, 1]
    assert rows.class_id.tolist() == [-1, -1]
    assert np.isnan(rows.visibility).all()
    assert [rows.frame.dtype, rows.id.dtype, rows.class_id.dtype] == [np.int64] * 3
    assert [rows.xyxy.dtype, rows.score.dtype, rows.visibility.dtype] == [np.float64] * 3


def test_rows_are_selected_by_mask_row_numbers_slice_and_number():
    rows = rows_of([1, 2, 3], [7, 8, 9])
    assert rows[rows.frame > 1].id.tolist() == [8, 9]
    assert rows[[2, 0]].id.tolist() == [9, 7]
    assert rows[:2].id.tolist() == [7, 8]
    assert rows[1].id.tolist() == [8]
    assert len(rows[[]]) == 0


def test_concatenated_rows_keep_the_order_of_the_parts():
    rows = MotRows.concatenate([rows_of([1], [7]), MotRows.empty(), rows_of([2, 3], [8, 9])])
    assert rows.frame.tolist() == [1, 2, 3]
    assert rows.id.tolist() == [7, 8, 9]
    assert len(MotRows.concatenate([])) == 0


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"frame": [0]}, "frame must be 1 or more, got 0 in row 0"),
        ({"frame": [1.5]}, "frame must be whole numbers, got 1.5 in row 0"),
        ({"frame": [np.nan]}, "frame must be whole numbers"),
        ({"frame": [np.inf]}, "frame must be whole numbers"),
        ({"frame": [1], "id": [1e300]}, "id must be whole numbers, got 1e.300 in row 0"),
        (
            {"frame": [1], "xyxy": [[-1e308, -1e308, 1e308, 1e308]]},
            r"xyxy must be pixels from -1e\+12 to 1e\+12, got \[-1e\+308",
        ),
        ({"frame": [1], "id": [1, 2]}, r"one id per box: expected shape \(1,\), got \(2,\)"),
        ({"frame": [1], "score": [0.5, 0.5]}, "one score per box"),
        ({"frame": [1], "score": [np.inf]}, "score must be finite"),
        ({"frame": [1], "xyxy": [[10, 20, 5, 60]]}, "xyxy must have right > left"),
        ({"frame": [1], "xyxy": [[10, 20, np.nan, 60]]}, "xyxy must be finite"),
    ],
)
def test_invalid_columns_are_refused(columns, message):
    with pytest.raises(ValueError, match=message):
        rows_of(**columns)
