"""Scenes of the default tracker: low scores, duplicates, occlusion, embedders without use."""

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections, State
from tests.tracking.scenarios import boxes_at, crowd, orthogonal_embeddings, perturbed


def ids_of_frames(tracker, frames):
    """Ids of each frame, in the order of the detections."""
    return [
        tracker.update(detections).id_of_detection(len(detections)).tolist()
        for detections in frames
    ]


def test_low_score_detections_continue_a_track_but_never_start_one():
    tracker = DeepSort()
    high_score, low_score = Detections(boxes_at(100), [0.9]), Detections(boxes_at(101), [0.2])
    assert ids_of_frames(tracker, [low_score] * 10) == [[-1]] * 10
    assert len(tracker.tracks) == 0
    assert ids_of_frames(tracker, [high_score] * 3 + [low_score] * 10)[2:] == [[1]] * 11
    # A coasting track only matches a high-score detection.
    frames = [Detections.empty(), low_score, high_score, low_score]
    assert ids_of_frames(tracker, frames) == [[], [-1], [1], [1]]


def test_detections_below_min_score_are_not_used():
    tracker = DeepSort()
    ids_of_frames(tracker, [Detections(boxes_at(100))] * 3)
    assert ids_of_frames(tracker, [Detections(boxes_at(100), [0.09])]) == [[-1]]
    assert tracker.tracks.state == State.COASTING


def test_detections_between_the_score_thresholds_match_lost_tracks_but_start_none():
    tracker = DeepSort()
    high_score, middle = Detections(boxes_at(100), [0.9]), Detections(boxes_at(100), [0.5])
    assert ids_of_frames(tracker, [middle] * 5) == [[-1]] * 5
    frames = [high_score, middle, middle, Detections.empty(), middle]
    assert ids_of_frames(tracker, frames) == [[-1], [-1], [1], [], [1]]


def test_new_track_is_not_created_on_a_matched_track():
    tracker = DeepSort()
    ids_of_frames(tracker, [Detections(boxes_at(100))] * 3)
    upper_half = boxes_at(100, height=25)
    twice = Detections(np.concatenate([boxes_at(100), upper_half]))
    assert ids_of_frames(tracker, [twice] * 10) == [[1, -1]] * 10
    assert len(tracker.tracks) == 1
    neighbours = Detections(boxes_at(100, 112))  # two fifths overlap
    assert ids_of_frames(tracker, [neighbours] * 3)[-1] == [1, 2]


def test_new_track_is_not_created_around_a_matched_track():
    tracker = DeepSort()
    ids_of_frames(tracker, [Detections(boxes_at(100))] * 3)
    twice = Detections(np.concatenate([boxes_at(100), boxes_at(90, top=60, width=60, height=150)]))
    assert ids_of_frames(tracker, [twice] * 5) == [[1, -1]] * 5


def test_new_track_is_created_on_a_coasting_track():
    tracker, embedding = DeepSort(), orthogonal_embeddings(3)
    pair = Detections(boxes_at(100, 300), embedding=embedding[[0, 1]])
    ids_of_frames(tracker, [pair] * 5)
    other = Detections(boxes_at(100, 300), embedding=embedding[[2, 1]])
    ids_of_frames(tracker, [Detections(boxes_at(300), embedding=embedding[[1]])] * 20)
    assert ids_of_frames(tracker, [other] * 3)[-1] == [3, 2]


def test_new_track_is_created_on_a_track_of_another_class_if_not_class_agnostic():
    rider = Detections(np.concatenate([boxes_at(100), boxes_at(100, top=120)]), class_id=[0, 1])
    ids = {}
    for agnostic in (True, False):
        tracker = DeepSort(DeepSortConfig(class_agnostic=agnostic, max_new_track_overlap=0.5))
        ids_of_frames(tracker, [rider[[0]]] * 3)
        ids[agnostic] = ids_of_frames(tracker, [rider] * 3)[-1]
    assert ids == {True: [1, -1], False: [1, 2]}


def ids_after_occlusion(frames, newcomer, **parts):
    """Ids of a visible person and of `newcomer`, at the position of one occluded for `frames`."""
    rng = np.random.default_rng(3)
    tracker, embedding = DeepSort(**parts), orthogonal_embeddings(3)

    def seen(lefts, people):
        return Detections(boxes_at(*lefts), embedding=perturbed(embedding[people], rng))

    ids_of_frames(tracker, [seen((400, 100), [0, 1]) for _ in range(40)])
    ids_of_frames(tracker, [seen((400,), [0]) for _ in range(frames)])
    return ids_of_frames(tracker, [seen((400, 104), [0, newcomer]) for _ in range(3)])


@pytest.mark.parametrize("frames", [20, 60, 90])
def test_occluded_person_keeps_the_id_and_another_person_does_not_get_it(frames):
    assert ids_after_occlusion(frames, newcomer=1) == [[2, 1]] * 3
    assert ids_after_occlusion(frames, newcomer=2)[-1] == [2, 3]


def test_after_two_frames_position_outweighs_appearance():
    assert ids_after_occlusion(1, newcomer=2)[-1] == [2, 1]


def test_after_max_age_the_returning_person_gets_the_id_back():
    assert ids_after_occlusion(121, newcomer=1)[-1] == [2, 1]
    assert ids_after_occlusion(121, newcomer=2)[-1] == [2, 3]
    config = DeepSortConfig(reuse_ids=False)
    assert ids_after_occlusion(121, newcomer=1, config=config)[-1] == [2, 3]


def unchanged_by_embeddings(embed, frames):
    """Whether the tracks are those of a tracker without embeddings, for each frame."""
    with_embeddings, without = DeepSort(), DeepSort()
    for detections in frames:
        bare = detections.with_embedding(None)
        one = with_embeddings.update(detections.with_embedding(embed(len(detections))))
        other = without.update(bare)
        yield (
            np.array_equal(one.id, other.id)
            and np.array_equal(one.filtered_xyxy, other.filtered_xyxy)
            and np.array_equal(with_embeddings.tracks.misses, without.tracks.misses)
        )


def test_constant_embedder_warns_once_and_changes_nothing():
    with pytest.warns(UserWarning, match="does not tell identities apart") as caught:
        same = list(
            unchanged_by_embeddings(lambda n: np.eye(1, 16).repeat(n, 0), crowd(120, seed=7))
        )
    assert len(caught) == 1
    assert all(same)


def test_random_embedder_warns_once_and_is_then_disabled():
    rng, standing_still = np.random.default_rng(8), [Detections(boxes_at(0, 100, 200))] * 90
    with pytest.warns(UserWarning, match="does not tell identities apart") as caught:
        same = list(
            unchanged_by_embeddings(lambda n: perturbed(np.zeros((n, 16)), rng, 1), standing_still)
        )
    assert len(caught) == 1
    # Until it is disabled, separate tracks keep their ids by motion.
    assert all(same[:2])
    assert all(same[60:])


@pytest.mark.parametrize("embedded", [True, False])
@pytest.mark.parametrize("scale", [2.0, 0.25])
def test_ids_are_invariant_to_image_scale(embedded, scale):
    small, large, shown = DeepSort(), DeepSort(), 0
    for detections in crowd(60, seed=9, embedded=embedded):
        scaled = Detections(
            scale * detections.xyxy, detections.score, embedding=detections.embedding
        )
        one, other = small.update(detections), large.update(scaled)
        np.testing.assert_array_equal(one.id, other.id)
        np.testing.assert_array_equal(one.detection, other.detection)
        np.testing.assert_allclose(scale * one.filtered_xyxy, other.filtered_xyxy, rtol=1e-6)
        shown += len(one)
    assert shown > 300


@pytest.mark.parametrize("embedded", [True, False])
def test_ids_are_invariant_to_translation(embedded):
    here, there, shown = DeepSort(), DeepSort(), 0
    for detections in crowd(60, seed=10, embedded=embedded):
        away = detections.xyxy + np.array([4096, -512, 4096, -512])
        moved = Detections(away, detections.score, embedding=detections.embedding)
        one, other = here.update(detections), there.update(moved)
        np.testing.assert_array_equal(one.id, other.id)
        np.testing.assert_array_equal(one.detection, other.detection)
        shown += len(one)
    assert shown > 300


def test_sudden_camera_motion_is_estimated_from_the_tracks():
    people = boxes_at(*(60.0 * np.arange(8)))
    moved = people + np.array([0, 12, 0, 12])
    shown = {}
    for enabled in (True, False):
        tracker = DeepSort(DeepSortConfig(common_motion_compensation=enabled))
        ids_of_frames(tracker, [Detections(people)] * 30)
        tracker.update(Detections(people[:-1]))
        shown[enabled] = tracker.update(Detections(moved[:-1])).id.tolist()
        if enabled:  # the unmatched track was moved as well
            unseen = tracker.tracks[tracker.tracks.state == State.COASTING]
            np.testing.assert_allclose(unseen.xyxy, moved[-1:], atol=0.5)
    assert shown == {True: [1, 2, 3, 4, 5, 6, 7], False: []}


@pytest.mark.parametrize("given", [0.0, 8.0, 12.0])
def test_camera_motion_missing_from_the_given_one_is_estimated_from_the_tracks(given):
    people = boxes_at(*(60.0 * np.arange(8)))
    moved = people + np.array([0, 12, 0, 12])
    camera = np.array([[1, 0, 0], [0, 1, given]])
    for enabled in (True, False):
        config = DeepSortConfig(nsa_kalman=False, common_motion_compensation=enabled)
        tracker = DeepSort(config)
        ids_of_frames(tracker, [Detections(people)] * 30)
        tracker.update(Detections(moved[:-1]), camera=camera)
        unseen = tracker.tracks[tracker.tracks.state == State.COASTING]
        expected = moved[-1:] if enabled else people[-1:] + np.array([0, given, 0, given])
        np.testing.assert_allclose(unseen.xyxy, expected, atol=0.01)


def test_size_velocity_decays_while_coasting():
    def grown(**config):
        tracker = DeepSort(DeepSortConfig(**config))
        for step in range(20):
            tracker.update(Detections.from_xywh([[100, 100, 20 + step, 50 + 2.5 * step]]))
        last = tracker.tracks.xyxy[0, 3] - tracker.tracks.xyxy[0, 1]
        for _ in range(20):
            tracker.update(Detections.empty())
        return (tracker.tracks.xyxy[0, 3] - tracker.tracks.xyxy[0, 1]) / last

    assert grown(coasting_size_velocity_decay=0.5) < 1.06
    assert grown(coasting_size_velocity_decay=1.0) > 1.4


def test_size_velocity_decay_depends_on_elapsed_frames():
    velocities = []
    for steps in ([1.0] * 5, [1.0, 2.0, 2.0]):
        tracker = DeepSort(DeepSortConfig(coasting_size_velocity_decay=0.5))
        for step in range(20):
            tracker.update(Detections.from_xywh([[100, 100, 20 + step, 50 + 2.5 * step]]))
        for dt in steps:
            tracker.update(Detections.empty(), dt=dt)
        velocities.append(tracker._table.motion[0, 1, 3])
    assert velocities[0] == pytest.approx(velocities[1], rel=1e-12)
    assert velocities[0] > 0.05


def test_embeddings_below_min_gallery_score_are_compared_but_not_stored():
    embedding = orthogonal_embeddings(2)
    stored = {}
    for score in (0.59, 0.61):
        tracker = DeepSort()
        ids_of_frames(tracker, [Detections(boxes_at(100), embedding=embedding[:1])] * 5)
        other_embedding = Detections(boxes_at(100), [score], embedding=embedding[1:])
        assert ids_of_frames(tracker, [other_embedding] * 5) == [[1]] * 5
        (slot,) = tracker._table.slot
        stored[score] = tracker._galleries.embeddings(slot) @ embedding.T
    np.testing.assert_allclose(stored[0.59], [[1, 0]], atol=1e-6)
    assert stored[0.61][0, 1] > 0.1


def test_intra_identity_distance_is_learned_from_consecutive_matches_only():
    embedding = orthogonal_embeddings(2)
    tracker = DeepSort()
    calibration = tracker._galleries.calibration
    ids_of_frames(tracker, [Detections(boxes_at(100), embedding=embedding[:1])] * 5)
    ids_of_frames(tracker, [Detections.empty()])
    changed = Detections(boxes_at(100), embedding=embedding[1:])
    assert ids_of_frames(tracker, [changed]) == [[1]]
    assert calibration.intra_identity_distance == pytest.approx(0, abs=1e-6)
    tracker.update(Detections(boxes_at(100), embedding=embedding[:1]))
    assert calibration.intra_identity_distance > 0


def test_common_motion_is_not_estimated_from_low_score_detections():
    people = boxes_at(*(60.0 * np.arange(8)))
    tracker = DeepSort()
    ids_of_frames(tracker, [Detections(people)] * 30)
    tracker.update(Detections(people[:-1]))
    low_score = Detections(people[:-1] + np.array([0, 12, 0, 12]), np.full(7, 0.3))
    tracker.update(low_score)
    np.testing.assert_allclose(tracker.tracks.filtered_xyxy[-1:], people[-1:], atol=0.01)
