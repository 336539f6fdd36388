"""The output table of a tracker."""

import dataclasses

import numpy as np
import pytest

from deepsort_reid.structures.tracks import State, Tracks


def three_tracks():
    """Tracks 2 and 5, matched to detections 3 and 0, and a tentative track at detection 1."""
    xyxy = np.arange(12, dtype=np.float64).reshape(3, 4)
    return Tracks(
        id=np.array([2, 5, 0]),
        person_id=np.array([2, 1, 0]),
        xyxy=xyxy,
        filtered_xyxy=xyxy + 0.5,
        score=np.array([0.9, 0.8, 0.7]),
        class_id=np.array([0, 1, 0]),
        detection=np.array([3, 0, 1]),
        state=np.array([State.CONFIRMED, State.CONFIRMED, State.TENTATIVE]),
        age=np.array([7, 6, 1]),
        misses=np.array([0, 0, 0]),
    )


COLUMNS = [field.name for field in dataclasses.fields(Tracks) if field.name != "data"]


def test_id_of_detection_gives_the_id_of_each_input_row():
    np.testing.assert_array_equal(three_tracks().id_of_detection(5), [5, -1, -1, 2, -1])


def test_id_of_detection_is_minus_one_without_tracks():
    np.testing.assert_array_equal(Tracks.empty().id_of_detection(3), [-1, -1, -1])
    assert Tracks.empty().id_of_detection(0).shape == (0,)


def test_id_of_detection_ignores_coasting_tracks():
    coasting = dataclasses.replace(three_tracks(), detection=np.array([-1, 0, -1]))
    np.testing.assert_array_equal(coasting.id_of_detection(2), [5, -1])


def test_id_of_detection_refuses_too_few_detections():
    with pytest.raises(ValueError, match="at least 4 for these tracks, got 3"):
        three_tracks().id_of_detection(3)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (np.array([True, False, True]), [0, 2]),
        ([2, 0], [2, 0]),
        ([], []),
        (slice(1, None), [1, 2]),
        (1, [1]),
        (np.int64(-1), [2]),
    ],
)
def test_rows_are_selected_in_every_column(rows, expected):
    selected = three_tracks()[rows]
    assert len(selected) == len(expected)
    for column in COLUMNS:
        expected_rows = getattr(three_tracks(), column)[np.array(expected, dtype=int)]
        np.testing.assert_array_equal(getattr(selected, column), expected_rows)


def test_empty_tracks_have_the_shapes_and_dtypes_of_others():
    for column in COLUMNS:
        empty, some = getattr(Tracks.empty(), column), getattr(three_tracks(), column)
        assert empty.shape == (0, *some.shape[1:])
        assert empty.dtype == some.dtype
    assert len(Tracks.empty()) == 0


@pytest.mark.parametrize("column", COLUMNS[1:])
def test_columns_of_different_length_are_refused_naming_the_column(column):
    with pytest.raises(ValueError, match=rf"Tracks.{column}: expected 3 rows, got 2"):
        dataclasses.replace(three_tracks(), **{column: getattr(three_tracks(), column)[:2]})


def test_tracks_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        three_tracks().id = np.array([1, 2, 3])


def test_states_equal_the_values_of_the_column():
    np.testing.assert_array_equal(three_tracks().state == State.CONFIRMED, [True, True, False])
    assert [State.TENTATIVE, State.CONFIRMED, State.COASTING] == [0, 1, 2]
