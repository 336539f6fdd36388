"""Track initiation: which detections start a track, in which order, and the new rows."""

import numpy as np
import pytest

from deepsort_reid import DeepSortConfig, Detections, State
from deepsort_reid.tracking.extras.visibility import ImageBorder
from deepsort_reid.tracking.frame_input import make_frame_input
from deepsort_reid.tracking.gallery import MeanAppearance
from deepsort_reid.tracking.track_birth import select_new_tracks, start_tracks
from deepsort_reid.tracking.track_table import TrackTable
from tests.tracking.scenarios import MOTION_MODEL, boxes_at, make_tracks


def input_of(detections, config):
    return make_frame_input(config, detections, np.arange(len(detections)), ImageBorder())


def selected(detections, table=None, **config):
    """Rows of the detections that start a track when all are unmatched."""
    config = DeepSortConfig(**config)
    rows = np.arange(len(detections))
    table = TrackTable() if table is None else table
    return select_new_tracks(config, input_of(detections, config), rows, table).tolist()


def test_detections_start_tracks_in_the_order_of_scores_then_boxes():
    detections = Detections(boxes_at(300, 0, 200, 100), [0.7, 0.7, 0.9, 0.8])
    assert selected(detections) == [2, 3, 1, 0]


def test_detections_below_new_track_score_start_no_track():
    detections = Detections(boxes_at(0, 100, 200), [0.59, 0.6, 0.61])
    assert selected(detections) == [2, 1]
    assert selected(detections, new_track_score=0.5) == [2, 1, 0]


@pytest.mark.parametrize(("state", "expected"), [(State.CONFIRMED, []), (State.COASTING, [0])])
def test_overlap_counts_with_tracks_matched_in_this_frame(state, expected):
    table, _ = make_tracks(boxes_at(100), [state], [0], np.empty((1, 0)))
    table.vote(np.array([0]), np.array([0]), np.array([1.0]))
    assert selected(Detections(boxes_at(104)), table) == expected


def test_overlap_is_a_share_of_the_smaller_box():
    table, _ = make_tracks(boxes_at(100), [State.CONFIRMED], [0], np.empty((1, 0)))
    table.vote(np.array([0]), np.array([0]), np.array([1.0]))
    small = Detections(boxes_at(114, height=10, width=10))  # 6 of 10 pixels of its width
    assert selected(small, table, max_new_track_overlap=0.61) == [0]
    assert selected(small, table, max_new_track_overlap=0.59) == []
    other_class = Detections(small.xyxy, class_id=[1])
    assert selected(other_class, table, max_new_track_overlap=0.59, class_agnostic=False) == [0]


@pytest.mark.parametrize(("n_init", "state"), [(1, State.CONFIRMED), (3, State.TENTATIVE)])
def test_new_rows_have_the_state_of_n_init_and_no_id(n_init, state):
    config, table = DeepSortConfig(n_init=n_init), TrackTable()
    galleries = MeanAppearance().create_store()
    detections = Detections(boxes_at(100, 0), [0.7, 0.9], class_id=[4, 5])
    inputs = input_of(detections, config)
    assert start_tracks(config, inputs, np.arange(2), table, galleries, MOTION_MODEL) == 2
    np.testing.assert_array_equal(table.xyxy, detections.xyxy[[1, 0]])
    np.testing.assert_array_equal(table.state, [state] * 2)
    assert table.class_id().tolist() == [5, 4]
    assert table.detection.tolist() == [1, 0]
    assert table.key.tolist() == [1, 2]
    for name, value in (("id", 0), ("hits", 1), ("age", 1), ("misses", 0)):
        np.testing.assert_array_equal(getattr(table, name), [value] * 2, err_msg=name)
    assert len(set(table.slot.tolist())) == 2


def test_without_new_tracks_the_table_is_not_changed():
    config, table = DeepSortConfig(), TrackTable()
    galleries = MeanAppearance().create_store()
    inputs = input_of(Detections(boxes_at(0), [0.3]), config)
    assert start_tracks(config, inputs, np.arange(1), table, galleries, MOTION_MODEL) == 0
    assert len(table) == 0
