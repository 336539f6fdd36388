"""Small scenes with known results, for every tracker."""

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections, State
from deepsort_reid.tracking import GalleryAppearance, MeanAppearance
from deepsort_reid.tracking.matching_cascade import MatchingCascade
from tests.tracking.scenarios import boxes_at, each_tracker, orthogonal_embeddings, perturbed


@each_tracker
def test_two_people_who_cross_keep_their_ids(make):
    rng = np.random.default_rng(13)
    tracker, embedding = make(), orthogonal_embeddings(2)
    for step in range(41):
        boxes = np.concatenate([boxes_at(5.0 * step), boxes_at(200 - 5.0 * step, top=104)])
        # While they overlap, only the person in front is detected.
        visible = [0, 1] if abs(step - 20) > 2 else [1]
        shown = tracker.update(
            Detections(boxes[visible], embedding=perturbed(embedding, rng)[visible])
        )
        if step >= 2:
            np.testing.assert_array_equal(shown.id[np.argsort(shown.detection)] - 1, visible)


@each_tracker
@pytest.mark.parametrize("embedded", [True, False])
def test_person_occluded_for_twenty_frames_keeps_the_id(make, embedded):
    rng = np.random.default_rng(14)
    tracker, embedding = make(), orthogonal_embeddings(2)
    for step in range(70):
        boxes = np.concatenate([boxes_at(3.0 * step), boxes_at(400)])
        visible = [1] if 30 <= step < 50 else [0, 1]
        rows = perturbed(embedding, rng)[visible] if embedded else None
        shown = tracker.update(Detections(boxes[visible], embedding=rows))
        if step >= 2:
            np.testing.assert_array_equal(shown.id - 1, visible)
    assert len(tracker.tracks) == 2


@pytest.mark.parametrize("appearance", [GalleryAppearance(), MeanAppearance()])
def test_zero_embedding_is_not_stored(appearance):
    tracker = DeepSort(association=MatchingCascade(), appearance=appearance)
    unknown = Detections(boxes_at(10), embedding=np.zeros((1, 16)))
    for detections in [unknown] * 3 + [Detections.empty()] * 5:
        tracker.update(detections)
    # With an embedding on one side only, IoU decides at any gap.
    assert tracker.update(Detections(boxes_at(10), embedding=orthogonal_embeddings(1))).id == [1]


@each_tracker
@pytest.mark.parametrize("returns_with", ["zeros", "NaN", "other appearance"])
def test_unknown_embedding_does_not_count_against_a_match(make, returns_with):
    """After a gap of five frames; another appearance in its place gives a new id."""
    rng, tracker = np.random.default_rng(0), make()
    seen, neighbour, other = orthogonal_embeddings(3)
    after = {
        "zeros": np.zeros(16),
        "NaN": np.full(16, np.nan),
        "other appearance": perturbed(other[None], rng)[0],
    }[returns_with]
    for step in range(80):
        left = 2.0 * step + 8 * (step >= 50)
        boxes = np.concatenate([boxes_at(left), boxes_at(400)])
        rows = perturbed(np.stack([seen, neighbour]), rng)
        if step >= 50:
            rows[0] = after
        visible = [1] if 50 <= step < 55 else [0, 1]
        shown = tracker.update(Detections(boxes[visible], embedding=rows[visible]))
    expected = [2, 3] if returns_with == "other appearance" else [1, 2]
    np.testing.assert_array_equal(shown.id, expected)


@pytest.mark.parametrize("smooth", [True, False])
def test_coasting_track_stays_in_the_table_with_its_predicted_box(smooth):
    tracker = DeepSort(DeepSortConfig(smooth_boxes=smooth))
    for step in range(30):
        tracker.update(Detections(boxes_at(4.0 * step), [0.7]))
    before = tracker.tracks
    for missed in range(1, 6):
        assert len(tracker.update(Detections.empty())) == 0
        (track,) = [tracker.tracks]
        assert track.state == State.COASTING
        assert (track.id, track.detection, track.misses) == (1, -1, missed)
        assert track.age == 30 + missed
        assert track.score == 0.7
        moved = track.filtered_xyxy - before.filtered_xyxy
        expected = before.xyxy + moved if smooth else track.filtered_xyxy
        np.testing.assert_allclose(track.xyxy, expected, atol=1e-9)
        np.testing.assert_allclose(track.xyxy, boxes_at(4.0 * (29 + missed)), atol=1.5)


def test_dt_of_several_frames_raises_ages_and_misses_by_as_many():
    tracker = DeepSort(DeepSortConfig(max_age=6))
    for step in range(10):
        shown = tracker.update(Detections(boxes_at(6.0 * step)), dt=3)
        assert tracker.tracks.age == 1 + 3 * step
    np.testing.assert_array_equal(shown.id, [1])
    tracker.update(Detections.empty(), dt=3)
    assert tracker.tracks.misses == 3
    np.testing.assert_allclose(tracker.tracks.xyxy, boxes_at(60.0), atol=2)
    tracker.update(Detections.empty(), dt=3)
    assert tracker.tracks.misses == 6
    tracker.update(Detections.empty(), dt=1)
    assert len(tracker.tracks) == 0


@pytest.mark.parametrize("dt", [1, 2, 5])
def test_track_of_the_last_update_matches_by_iou_at_any_dt(dt):
    tracker, (first, second) = DeepSort(association=MatchingCascade()), orthogonal_embeddings(2)
    for embedding in [first] * 5 + [second] * 2:
        shown = tracker.update(Detections(boxes_at(100), embedding=embedding[None]), dt=dt)
    np.testing.assert_array_equal(shown.id, [1])


@each_tracker
def test_class_is_the_score_weighted_majority_over_the_life_of_the_track(make):
    tracker = make(n_init=1)
    seen = [(2, 0.9), (7, 0.4), (7, 0.4), (7, 0.4), (2, 0.3)]
    winners = [
        int(tracker.update(Detections(boxes_at(0), [score], [name])).class_id[0])
        for name, score in seen
    ]
    # 0.9 : 0, 0.9 : 0.4, 0.9 : 0.8, 0.9 : 1.2, 1.2 : 1.2 + rounding
    assert winners[:4] == [2, 2, 2, 7]
    assert tracker.tracks.id == 1


@each_tracker
def test_class_restricts_matching_only_if_not_class_agnostic(make):
    for agnostic, expected in ((True, [1]), (False, [2])):
        tracker, embedding = make(n_init=1, class_agnostic=agnostic), orthogonal_embeddings(1)
        tracker.update(Detections(boxes_at(0), class_id=[0], embedding=embedding))
        shown = tracker.update(Detections(boxes_at(0), class_id=[1], embedding=embedding))
        np.testing.assert_array_equal(shown.id, expected)
        np.testing.assert_array_equal(shown.class_id, [0 if agnostic else 1])


@each_tracker
def test_given_camera_motion_is_compensated(make):
    pan = np.array([[1.0, 0, -60], [0, 1, 0]])
    with_camera, without = make(), make()
    for step in range(6):
        seen = Detections(boxes_at(500 - 60.0 * step))
        followed = with_camera.update(seen, camera=pan)
        lost = without.update(seen)
    np.testing.assert_array_equal(followed.id, [1])
    assert len(lost) == 0


def test_nsa_kalman_corrects_more_with_higher_scores():
    def estimate(score, scale):
        config = DeepSortConfig(
            n_init=1, min_score=-np.inf, nsa_kalman=scale, common_motion_compensation=False
        )
        tracker = DeepSort(config)
        tracker.update(Detections(boxes_at(0)))
        return tracker.update(Detections(boxes_at(6), [score])).filtered_xyxy[0, 0]

    assert estimate(0.99, scale=False) == estimate(0.1, scale=False)
    assert estimate(0.1, scale=False) < estimate(0.1, scale=True) < estimate(0.99, scale=True) < 6
    assert estimate(0.0, scale=True) == estimate(-3.0, scale=True) == estimate(0.5, scale=False)
