"""The table that the tracker answers with."""

import dataclasses

import numpy as np
import pytest

from deepsort_reid.structures.tracks import State, Tracks


def three():
    """Ids 2 and 5 seen in detections 3 and 0, a tentative one in detection 1."""
    xyxy = np.arange(12, dtype=np.float64).reshape(3, 4)
    return Tracks(
        id=np.array([2, 5, 0]),
        xyxy=xyxy,
        filtered_xyxy=xyxy + 0.5,
        score=np.array([0.9, 0.8, 0.7]),
        class_id=np.array([0, 1, 0]),
        detection=np.array([3, 0, 1]),
        state=np.array([State.CONFIRMED, State.CONFIRMED, State.TENTATIVE]),
        age=np.array([7, 6, 1]),
        misses=np.array([0, 0, 0]),
    )


COLUMNS = [field.name for field in dataclasses.fields(Tracks)]


def test_every_detection_can_be_asked_for_its_id():
    np.testing.assert_array_equal(three().id_of_detection(5), [5, -1, -1, 2, -1])


def test_no_tracks_give_no_detection_an_id():
    np.testing.assert_array_equal(Tracks.empty().id_of_detection(3), [-1, -1, -1])
    assert Tracks.empty().id_of_detection(0).shape == (0,)


def test_coasting_tracks_name_no_detection():
    coasting = dataclasses.replace(three(), detection=np.array([-1, 0, -1]))
    np.testing.assert_array_equal(coasting.id_of_detection(2), [5, -1])


def test_asking_for_fewer_detections_than_were_given_is_refused():
    with pytest.raises(ValueError, match="come from at least 4 detections, asked for 3"):
        three().id_of_detection(3)


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
def test_rows_are_chosen_in_every_column(rows, expected):
    chosen = three()[rows]
    assert len(chosen) == len(expected)
    for column in COLUMNS:
        rows_of_whole = getattr(three(), column)[np.array(expected, dtype=int)]
        np.testing.assert_array_equal(getattr(chosen, column), rows_of_whole)


def test_an_empty_table_has_the_shapes_and_types_of_a_full_one():
    for column in COLUMNS:
        nothing, some = getattr(Tracks.empty(), column), getattr(three(), column)
        assert nothing.shape == (0, *some.shape[1:])
        assert nothing.dtype == some.dtype
    assert len(Tracks.empty()) == 0


@pytest.mark.parametrize("column", COLUMNS[1:])
def test_columns_of_different_length_are_refused_by_name(column):
    with pytest.raises(ValueError, match=rf"Tracks.{column}: expected 3 rows, got 2"):
        dataclasses.replace(three(), **{column: getattr(three(), column)[:2]})


def test_tracks_cannot_be_changed_by_assignment():
    with pytest.raises(dataclasses.FrozenInstanceError):
        three().id = np.array([1, 2, 3])


def test_states_can_be_compared_with_what_the_table_holds():
    np.testing.assert_array_equal(three().state == State.CONFIRMED, [True, True, False])
    assert [State.TENTATIVE, State.CONFIRMED, State.COASTING] == [0, 1, 2]
