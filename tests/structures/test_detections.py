"""Detections: accepted inputs, defaults, selection of rows, and refused inputs."""

import dataclasses

import numpy as np
import pytest

from deepsort_reid.structures.detections import Detections

TWO = [[10, 20, 40, 80], [0, 0, 5, 5]]


def unit_rows(rng, n, width=8):
    rows = rng.normal(size=(n, width))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def ten_detections():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 100, (10, 2))
    return Detections(
        np.concatenate([corner, corner + 10], axis=1),
        rng.random(10),
        np.arange(10),
        unit_rows(rng, 10),
    )


def test_defaults_are_score_one_class_zero_and_no_embeddings():
    made = Detections(TWO)
    assert len(made) == 2
    np.testing.assert_array_equal(made.xyxy, TWO)
    np.testing.assert_array_equal(made.score, [1, 1])
    np.testing.assert_array_equal(made.class_id, [0, 0])
    assert made.embedding is None


def test_columns_are_stored_with_their_documented_dtypes():
    made = Detections(TWO, [1, 0], [3.0, 7.0], np.eye(2, dtype=np.float16))
    assert made.xyxy.dtype == np.float64
    assert made.score.dtype == np.float64
    assert made.class_id.dtype == np.int64
    assert made.embedding.dtype == np.float32
    np.testing.assert_array_equal(made.class_id, [3, 7])


@pytest.mark.parametrize("make", [Detections, Detections.from_tlwh, Detections.from_xywh])
@pytest.mark.parametrize("values", [[], np.empty((0, 4))])
def test_detections_can_be_made_from_no_boxes(make, values):
    made = make(values, [], [], np.empty((0, 16)))
    assert len(made) == 0
    assert made.xyxy.shape == (0, 4)
    assert made.embedding.shape == (0, 16)


def test_empty_detections_have_empty_columns_and_no_embeddings():
    made = Detections.empty()
    assert made.xyxy.shape == (0, 4)
    assert made.score.shape == made.class_id.shape == (0,)
    assert made.embedding is None


def test_embeddings_of_no_boxes_need_no_dimension():
    assert Detections([], embedding=[]).embedding.shape == (0, 0)


def test_tlwh_and_xywh_give_the_same_boxes_as_xyxy():
    expected = [[10, 20, 40, 80]]
    np.testing.assert_array_equal(Detections.from_tlwh([[10, 20, 30, 60]]).xyxy, expected)
    np.testing.assert_array_equal(Detections.from_xywh([[25, 50, 30, 60]]).xyxy, expected)


@pytest.mark.parametrize("make", [Detections.from_tlwh, Detections.from_xywh])
def test_tlwh_and_xywh_accept_scores_classes_and_embeddings(make):
    made = make([[50, 50, 30, 60]], [0.25], [4], [[0.6, 0.8]])
    np.testing.assert_array_equal(made.score, [0.25])
    np.testing.assert_array_equal(made.class_id, [4])
    np.testing.assert_allclose(made.embedding, [[0.6, 0.8]])


def test_scores_below_zero_and_above_one_are_accepted():
    np.testing.assert_array_equal(Detections(TWO, [-0.7, 31.0]).score, [-0.7, 31.0])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (np.arange(10) % 2 == 0, [0, 2, 4, 6, 8]),
        (np.zeros(10, dtype=bool), []),
        ([7, 1, 1], [7, 1, 1]),
        ([], []),
        (np.array([]), []),
        (slice(2, 5), [2, 3, 4]),
        (slice(None, None, -3), [9, 6, 3, 0]),
        (3, [3]),
        (-1, [9]),
        (np.int64(4), [4]),
    ],
)
def test_rows_are_selected_in_every_column_by_mask_row_numbers_slice_or_number(rows, expected):
    detections = ten_detections()
    selected = detections[rows]
    assert len(selected) == len(expected)
    for column in ("xyxy", "score", "class_id", "embedding"):
        expected_rows = getattr(detections, column)[np.array(expected, dtype=int)]
        np.testing.assert_array_equal(getattr(selected, column), expected_rows)


def test_rows_can_be_selected_without_embeddings():
    assert Detections(TWO)[[1]].embedding is None


@pytest.mark.parametrize("mask", [np.ones(9, dtype=bool), np.ones((10, 4), dtype=bool), [True]])
def test_mask_of_another_length_is_refused(mask):
    with pytest.raises(ValueError, match=r"a mask over 10 detections must have shape \(10,\), got"):
        ten_detections()[mask]


@pytest.mark.parametrize(("rows", "shape"), [([[0, 1]], r"\(1, 2\)"), (np.array(3), r"\(\)")])
def test_row_numbers_of_another_shape_are_refused(rows, shape):
    with pytest.raises(
        ValueError, match=rf"rows must be a list of whole numbers, got shape {shape}"
    ):
        ten_detections()[rows]


def test_with_embedding_replaces_only_the_embeddings():
    detections = ten_detections()
    embedding = unit_rows(np.random.default_rng(1), 10, 4)
    replaced = detections.with_embedding(embedding)
    np.testing.assert_allclose(replaced.embedding, embedding, atol=1e-7)
    assert detections.embedding.shape == (10, 8)
    for column in ("xyxy", "score", "class_id"):
        np.testing.assert_array_equal(getattr(replaced, column), getattr(detections, column))
    assert detections.with_embedding(None).embedding is None
    with pytest.raises(ValueError, match=r"one embedding per box: expected shape \(10, D\)"):
        detections.with_embedding(embedding[:9])


def test_detections_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ten_detections().score = np.zeros(10)


def columns_of(detections):
    return [getattr(detections, name) for name in ("xyxy", "score", "class_id", "embedding")]


def test_writing_to_the_arguments_changes_no_detections():
    arguments = [
        np.array(TWO, dtype=np.float64),
        np.array([0.5, 0.25]),
        np.array([3, 4]),
        np.eye(2, dtype=np.float32),
    ]
    made = Detections(*arguments)
    replaced = made.with_embedding(arguments[3])
    expected = [column.copy() for column in arguments]
    for column in arguments:
        column[:] = np.nan if column.dtype.kind == "f" else -1
    for kept in (made, replaced, made[:], made[[0, 1]]):
        for column, wanted in zip(columns_of(kept), expected, strict=True):
            np.testing.assert_array_equal(column, wanted)


def test_columns_are_read_only_so_that_checked_values_stay_valid():
    made = ten_detections()
    made_from_tlwh = Detections.from_tlwh([[1, 2, 3, 4]], [0.5], [1], [[1.0]])
    replaced = made.with_embedding(np.eye(10))
    for detections in (made, made_from_tlwh, made[:3], made[[4, 2]], made[0], replaced):
        for column in columns_of(detections):
            with pytest.raises(ValueError, match="read-only"):
                column[0] = -1


def test_half_precision_embeddings_and_rows_of_zeros_are_accepted():
    rows = unit_rows(np.random.default_rng(2), 50, 512).astype(np.float16)
    rows[7] = 0
    boxes = np.tile([[0, 0, 1, 1]], (50, 1))
    np.testing.assert_array_equal(Detections(boxes, embedding=rows).embedding, rows)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_rows_of_nan_become_rows_of_zeros_and_the_given_array_is_unchanged(dtype):
    rows = np.array([[0.6, 0.8], [np.nan, np.nan]], dtype=dtype)
    given = rows.copy()
    expected = np.array([rows[0], [0, 0]], dtype=np.float32)
    for made in (Detections(TWO, embedding=rows), Detections(TWO).with_embedding(rows)):
        np.testing.assert_array_equal(made.embedding, expected)
    np.testing.assert_array_equal(rows, given)


@pytest.mark.parametrize("row", [[np.nan, 0.0], [1.0, np.nan], [np.inf, np.nan]])
def test_row_that_is_nan_in_part_is_refused_with_its_number(row):
    with pytest.raises(ValueError, match=r"all zero or all NaN .* got length nan in row 1"):
        Detections(TWO, embedding=[[0.6, 0.8], row])


def test_tlwh_box_passed_as_xyxy_is_refused_with_a_hint():
    expected = r"got \[100.0, 200.0, 30.0, 60.0\] in row 1; .* use Detections.from_tlwh"
    with pytest.raises(ValueError, match=expected):
        Detections([[0, 0, 5, 5], [100, 200, 30, 60]])


@pytest.mark.parametrize("box", [[5, 5, 5, 9], [5, 5, 9, 5], [9, 5, 5, 9], [5, 5, 5, 5]])
def test_box_without_area_is_refused(box):
    with pytest.raises(ValueError, match=r"right > left and bottom > top, got .* in row 0"):
        Detections([box])


@pytest.mark.parametrize("make", [Detections.from_tlwh, Detections.from_xywh])
@pytest.mark.parametrize("size", [(0, 5), (5, 0), (-5, 5)])
def test_size_that_is_not_positive_is_refused_naming_the_format(make, size):
    name = make.__name__.removeprefix("from_")
    expected = rf"width and height in {name} must be positive, got \[10.0, 10.0, .*\] in row 1"
    with pytest.raises(ValueError, match=expected):
        make([[0, 0, 5, 5], [10, 10, *size]])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("make", [Detections, Detections.from_tlwh, Detections.from_xywh])
def test_coordinates_that_are_not_finite_are_refused_with_their_row(make, bad):
    with pytest.raises(ValueError, match=r"must be finite, got .* in row 1"):
        make([[0, 0, 5, 5], [0, 0, bad, 5]])


@pytest.mark.parametrize(
    "bad", [[["a", "b", "c", "d"]], [[1, 2, 3, 4], [1, 2]], [[None, {}, 3, 4]]]
)
def test_boxes_that_are_no_table_of_numbers_are_refused_with_what_was_given(bad):
    with pytest.raises(ValueError, match=r"xyxy must be numbers of shape \(N, 4\), got \[\["):
        Detections(bad)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_refused_with_their_row(bad):
    with pytest.raises(ValueError, match=r"score must be finite, got (nan|-?inf) in row 1"):
        Detections(TWO, [0.5, bad])


@pytest.mark.parametrize(
    ("given", "shape"),
    [([10, 20, 40, 80], r"\(4,\)"), ([[1, 2, 3]], r"\(1, 3\)"), ([[1, 2, 3, 4, 0.9]], r"\(1, 5\)")],
)
def test_boxes_of_another_shape_are_refused_with_their_shape(given, shape):
    with pytest.raises(ValueError, match=rf"xyxy must have shape \(N, 4\), got shape {shape}"):
        Detections(given)
    with pytest.raises(ValueError, match=rf"tlwh must have shape \(N, 4\), got shape {shape}"):
        Detections.from_tlwh(given)


@pytest.mark.parametrize(
    ("score", "shape"), [([0.5], r"\(1,\)"), ([[1, 1]], r"\(1, 2\)"), (1, r"\(\)")]
)
def test_scores_of_another_length_are_refused_with_expected_and_got(score, shape):
    with pytest.raises(ValueError, match=rf"expected shape \(2,\), got {shape}"):
        Detections(TWO, score)


@pytest.mark.parametrize("class_id", [[1], [[1, 2]], 1, [1, 2, 3]])
def test_class_ids_of_another_length_are_refused_with_expected_and_got(class_id):
    with pytest.raises(ValueError, match=r"one class_id per box: expected shape \(2,\), got \("):
        Detections(TWO, class_id=class_id)


@pytest.mark.parametrize("make", [Detections, Detections.from_tlwh, Detections.from_xywh])
@pytest.mark.parametrize("size", [1e10, 1e100, 1.7e308])
def test_coordinates_too_large_to_compute_with_are_refused_with_their_row(make, size):
    with pytest.raises(ValueError, match=r"must be pixels from -1e\+09 to 1e\+09, got .* in row 1"):
        make([[0, 0, 5, 5], [0, 0, size, size]])


@pytest.mark.parametrize("score", [[{}, 1], ["high", 1], [1, 1j], [[1], [1, 2]]])
def test_scores_that_are_no_numbers_are_refused_with_what_was_given(score):
    with pytest.raises(ValueError, match=r"score must be numbers of shape \(2,\), got \["):
        Detections(TWO, score)


def test_complex_boxes_are_refused():
    with pytest.raises(ValueError, match=r"xyxy must be numbers of shape \(N, 4\), got array"):
        Detections(TWO * np.array(1j))


@pytest.mark.parametrize("score", [1e10, -1e300])
def test_scores_too_large_to_add_up_are_refused_with_their_row(score):
    with pytest.raises(ValueError, match=r"score must be from -1e\+09 to 1e\+09, got .* in row 1"):
        Detections(TWO, [0.5, score])


@pytest.mark.parametrize(
    "class_id",
    [
        np.array([1, 2**64 - 1], dtype=np.uint64),
        [1, 2**63],
        [1.0, 1e30],
        [1.0, 2.0**63],
        [1.0, -1e30],
    ],
)
def test_class_ids_beyond_int64_are_refused_with_their_row(class_id):
    with pytest.raises(ValueError, match=r"class_id must be at most 9223372036854775807.* row 1"):
        Detections(TWO, class_id=class_id)


def test_largest_class_ids_are_kept_exactly():
    largest = np.iinfo(np.int64).max
    for dtype in (np.int64, np.uint64):
        made = Detections(TWO, class_id=np.array([0, largest], dtype=dtype))
        assert made.class_id.tolist() == [0, largest]


@pytest.mark.parametrize("class_id", [[{}, 1], [2**70, 1], [None, 1], [[1], [1, 2]]])
def test_class_ids_of_other_types_are_refused(class_id):
    with pytest.raises(ValueError, match="class_id must be whole numbers, got"):
        Detections(TWO, class_id=class_id)


@pytest.mark.parametrize("embedding", [[[{}, 1]] * 2, [["a", "b"]] * 2, [[1], [1, 2]], [[1j]] * 2])
def test_embeddings_that_are_no_numbers_are_refused_with_what_was_given(embedding):
    with pytest.raises(ValueError, match=r"expected numbers of shape \(2, D\), got \[\["):
        Detections(TWO, embedding=embedding)


@pytest.mark.parametrize("class_id", [[0.5, 1], [np.nan, 0], [np.inf, 0], ["person", "car"]])
def test_class_ids_that_are_not_whole_numbers_are_refused(class_id):
    with pytest.raises(ValueError, match="class_id must be whole numbers, got"):
        Detections(TWO, class_id=class_id)


@pytest.mark.parametrize(
    ("embedding", "shape"),
    [(np.eye(3), r"\(3, 3\)"), (np.ones(2), r"\(2,\)"), (np.ones((2, 1, 1)), r"\(2, 1, 1\)")],
)
def test_embeddings_of_another_shape_are_refused_with_expected_and_got(embedding, shape):
    with pytest.raises(ValueError, match=rf"expected shape \(2, D\), got {shape} for 2 boxes"):
        Detections(TWO, embedding=embedding)


@pytest.mark.parametrize(
    ("row", "length"),
    [
        ([3, 4], "5"),
        ([0.5, 0], "0.5"),
        ([np.nan, 1], "nan"),
        ([np.inf, 1], "inf"),
        ([1e30, 1], "inf"),
        ([1e300, 1], "inf"),
    ],
)
def test_embeddings_not_of_unit_length_are_refused_with_length_and_row(row, length):
    with pytest.raises(ValueError, match=rf"rows of length 1 .* got length {length} in row 1"):
        Detections(TWO, embedding=[[1, 0], row])
