"""Box formats, overlaps and suppression against hand counts and loops over single boxes."""

import numpy as np
import pytest

from deepsort_reid.structures import boxes

BOX = np.array([[10.0, 20.0, 40.0, 80.0]])  # 30 wide, 60 high, centre (25, 50)


def random_boxes(rng, n):
    corner = rng.uniform(-50, 150, (n, 2))
    return np.concatenate([corner, corner + rng.uniform(1, 100, (n, 2))], axis=1)


def iou_of_two(a, b):
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


@pytest.mark.parametrize(
    ("convert", "expected"),
    [
        (boxes.xyxy_to_tlwh, [10, 20, 30, 60]),
        (boxes.xyxy_to_xywh, [25, 50, 30, 60]),
        (boxes.xyxy_to_xyah, [25, 50, 0.5, 60]),
    ],
)
def test_box_of_30_by_60_pixels_in_each_format(convert, expected):
    np.testing.assert_array_equal(convert(BOX), [expected])


@pytest.mark.parametrize(
    ("convert", "invert"),
    [
        (boxes.xyxy_to_tlwh, boxes.tlwh_to_xyxy),
        (boxes.xyxy_to_xywh, boxes.xywh_to_xyxy),
        (boxes.xyxy_to_xyah, boxes.xyah_to_xyxy),
    ],
)
def test_conversions_are_inverse_and_do_not_change_their_input(convert, invert):
    given = random_boxes(np.random.default_rng(0), 200)
    before = given.copy()
    converted = convert(given)
    converted_before = converted.copy()
    np.testing.assert_allclose(invert(converted), before, atol=1e-9)
    np.testing.assert_array_equal(given, before)
    np.testing.assert_array_equal(converted, converted_before)


@pytest.mark.parametrize(
    "convert",
    [
        boxes.tlwh_to_xyxy,
        boxes.xyxy_to_tlwh,
        boxes.xywh_to_xyxy,
        boxes.xyxy_to_xywh,
        boxes.xyah_to_xyxy,
        boxes.xyxy_to_xyah,
    ],
)
def test_conversion_of_no_boxes_gives_no_boxes(convert):
    assert convert(np.empty((0, 4))).shape == (0, 4)


def test_area_is_in_square_pixels_and_zero_for_inverted_boxes():
    given = np.array([[0.0, 0, 3, 4], [5, 5, 5, 9], [9, 9, 1, 1], [0, 9, 4, 1]])
    np.testing.assert_array_equal(boxes.area(given), [12, 0, 0, 0])


def test_intersection_and_iou_equal_hand_counts():
    a = np.array([[0.0, 0, 10, 10]])
    b = np.array(
        [[0.0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10], [2, 2, 4, 7], [99, 99, 100, 100]]
    )
    np.testing.assert_array_equal(boxes.intersection(a, b), [[100, 50, 0, 10, 0]])
    np.testing.assert_allclose(boxes.iou(a, b), [[1, 1 / 3, 0, 0.1, 0]])


def test_iou_equals_a_loop_over_pairs():
    rng = np.random.default_rng(1)
    a, b = random_boxes(rng, 30), random_boxes(rng, 20)
    expected = [[iou_of_two(first, second) for second in b] for first in a]
    np.testing.assert_allclose(boxes.iou(a, b), expected, atol=1e-12)
    assert np.count_nonzero(expected) > 50


def test_iou_of_boxes_without_area_is_zero():
    point = np.array([[5.0, 5, 5, 5]])
    around = np.array([[0.0, 0, 10, 10]])
    assert boxes.iou(point, point) == 0
    assert boxes.iou(point, around) == 0


@pytest.mark.parametrize(("n", "m"), [(0, 3), (3, 0), (0, 0)])
def test_iou_with_no_boxes_is_an_empty_matrix(n, m):
    assert boxes.iou(np.zeros((n, 4)), np.zeros((m, 4))).shape == (n, m)


def test_clip_keeps_the_part_inside_the_frame():
    given = np.array([[-5.0, -5, 5, 5], [90, 40, 120, 70], [200, 200, 300, 300], [1, 2, 3, 4]])
    clipped = boxes.clip(given, 100, 50)
    np.testing.assert_array_equal(
        clipped, [[0, 0, 5, 5], [90, 40, 100, 50], [100, 50, 100, 50], [1, 2, 3, 4]]
    )
    np.testing.assert_array_equal(boxes.area(clipped), [25, 100, 0, 4])


def test_nms_keeps_the_best_of_overlapping_boxes_in_order_of_scores():
    given = np.array([[0.0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60], [0, 5, 10, 15]])
    # Rows 0 and 1 overlap by 90 / 110, rows 0 and 3 by 50 / 150.
    score = np.array([0.8, 0.9, 0.95, 0.7])
    np.testing.assert_array_equal(boxes.nms(given, score, 0.5), [2, 1, 3])
    np.testing.assert_array_equal(boxes.nms(given, score, 0.2), [2, 1])
    np.testing.assert_array_equal(boxes.nms(given, score, 0.9), [2, 1, 0, 3])


def test_suppressed_box_suppresses_no_other_box():
    chain = np.array([[0.0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]])
    np.testing.assert_array_equal(boxes.nms(chain, np.array([0.9, 0.8, 0.7]), 0.3), [0, 2])


def test_nms_prefers_the_earlier_row_of_equal_scores():
    rng = np.random.default_rng(3)
    score = rng.choice([0.3, 0.5, 0.9], 300)
    disjoint = np.tile([[0.0, 0, 10, 10]], (300, 1)) + 20 * np.arange(300)[:, None]
    expected = sorted(range(300), key=lambda row: -score[row])
    np.testing.assert_array_equal(boxes.nms(disjoint, score, 0.5), expected)
    equal = disjoint[[0, 0]]
    np.testing.assert_array_equal(boxes.nms(equal, np.array([0.5, 0.5]), 0.5), [0])


def test_nms_keeps_boxes_whose_iou_equals_the_limit():
    half = np.array([[0.0, 0, 10, 10], [0, 0, 10, 5]])
    np.testing.assert_array_equal(boxes.nms(half, np.array([0.9, 0.8]), 0.5), [0, 1])
    np.testing.assert_array_equal(boxes.nms(half, np.array([0.9, 0.8]), 0.49), [0])


def test_nms_equals_the_textbook_loop():
    rng = np.random.default_rng(2)
    given, score = random_boxes(rng, 80), rng.random(80)
    remaining, kept = list(np.argsort(-score)), []
    while remaining:
        best = remaining.pop(0)
        kept.append(best)
        remaining = [row for row in remaining if iou_of_two(given[best], given[row]) <= 0.3]
    np.testing.assert_array_equal(boxes.nms(given, score, 0.3), kept)
    assert len(kept) < 80


def test_nms_of_no_boxes_keeps_no_boxes():
    assert boxes.nms(np.empty((0, 4)), np.empty(0), 0.5).shape == (0,)


@pytest.mark.parametrize("values", [[], np.empty((0, 4)), np.empty((0, 5)), np.empty(0)])
def test_empty_input_becomes_no_boxes(values):
    made = boxes.as_boxes(values)
    assert made.shape == (0, 4)
    assert made.dtype == np.float64


def test_lists_of_integers_become_float64_boxes():
    made = boxes.as_boxes([[1, 2, 3, 4]])
    assert made.dtype == np.float64
    np.testing.assert_array_equal(made, [[1, 2, 3, 4]])


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        ([1, 2, 3, 4], r"\(4,\)"),
        ([[1, 2, 3]], r"\(1, 3\)"),
        ([[1, 2, 3, 4, 0.9]], r"\(1, 5\)"),
        ([[[1, 2, 3, 4]]], r"\(1, 1, 4\)"),
        (np.empty((5, 0)), r"\(5, 0\)"),
    ],
)
def test_wrong_shape_is_refused_with_the_given_shape(given, shape):
    with pytest.raises(ValueError, match=rf"corners must have shape \(N, 4\), got shape {shape}"):
        boxes.as_boxes(given, "corners")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_coordinate_that_is_not_finite_is_refused_with_its_row(bad):
    with pytest.raises(ValueError, match=r"xyxy must be finite, got \[1.0, 2.0, .*\] in row 1"):
        boxes.as_boxes([[1, 2, 3, 4], [1, 2, bad, 4]])
