"""The default association's rules one by one, on tables small enough to know every answer."""

import numpy as np
import pytest

from deepsort_reid import Detections, State
from deepsort_reid.structures import boxes
from deepsort_reid.tracking import LikelihoodRatio, kalman
from tests.tracking.scenarios import (
    MOTION_MODEL,
    associate,
    boxes_at,
    confirmed_tracks,
    make_tracks,
    orthogonal_embeddings,
)

EMBEDDINGS = orthogonal_embeddings(4)
RULE = LikelihoodRatio()


def calibrated(tracks):
    """The table and pool, after two people who look quite different were seen."""
    tracks[1].calibration.update_inter(EMBEDDINGS[2:].astype(np.float32))
    return tracks


def side_steps(tracks, n=60):
    """Boxes (n, 4) a pixel further right each; their evidence of motion and overlap (n,)."""
    steps = boxes_at(*(100.0 + np.arange(n)))
    motion = tracks[0].motion
    expected = MOTION_MODEL.boxes(motion[:, kalman.POSITION])
    return steps, RULE.motion(MOTION_MODEL, motion, steps)[0], boxes.iou(expected, steps)[0]


def matches_one_by_one(tracks, steps, **columns):
    """Which of the boxes (n, 4) the only track takes when it is the only detection."""
    taken = [associate(RULE, tracks, Detections(step[None], **columns)) for step in steps]
    assert 0 < sum(map(bool, taken)) < len(taken)
    return [pairs == {(0, 0)} for pairs in taken]


def test_appearance_decides_between_neighbouring_tracks():
    swapped = Detections(boxes_at(100, 106), embedding=EMBEDDINGS[[1, 0]])
    tracks = calibrated(confirmed_tracks(boxes_at(100, 106), EMBEDDINGS[:2]))
    assert associate(RULE, tracks, swapped) == {(0, 1), (1, 0)}


@pytest.mark.parametrize("why", ["no looks", "no unit yet", "looks that tell nobody apart"])
@pytest.mark.filterwarnings("ignore:the embedder does not tell identities apart")
def test_motion_decides_without_usable_appearance(why):
    swapped = Detections(boxes_at(100, 106), embedding=EMBEDDINGS[[1, 0]])
    tracks = confirmed_tracks(boxes_at(100, 106), EMBEDDINGS[:2])
    calibration = tracks[1].calibration
    if why == "no looks":
        calibrated(tracks)
        swapped = swapped.with_embedding(None)
    if why == "looks that tell nobody apart":
        for _ in range(40):
            calibrated(tracks)
            calibration.update_intra(np.array([0.9]))
    assert calibration.is_discriminative == (why == "no looks")
    assert associate(RULE, tracks, swapped) == {(0, 0), (1, 1)}


def test_similar_appearance_far_away_does_not_match():
    tracks = calibrated(confirmed_tracks(boxes_at(100), EMBEDDINGS[:1], misses=[5]))
    for away, expected in ((10, {(0, 0)}), (400, set())):
        seen = Detections(boxes_at(100 + away), embedding=EMBEDDINGS[:1])
        assert associate(RULE, tracks, seen) == expected


def test_min_iou_applies_to_recent_tracks_only():
    away = Detections(boxes_at(119), embedding=EMBEDDINGS[:1])
    hidden = calibrated(confirmed_tracks(boxes_at(100), EMBEDDINGS[:1], misses=[5]))
    fresh = calibrated(confirmed_tracks(boxes_at(100), EMBEDDINGS[:1]))
    # The same evidence, but no overlap to speak of.
    assert associate(RULE, hidden, away) == {(0, 0)}
    assert associate(RULE, fresh, away) == set()


def test_without_appearance_min_llr_motion_only_applies():
    tracks = calibrated(confirmed_tracks(boxes_at(100), EMBEDDINGS[:1], misses=[5]))
    steps, motion, _ = side_steps(tracks)
    for columns in ({}, {"embedding": np.zeros((1, 16))}):
        np.testing.assert_array_equal(
            matches_one_by_one(tracks, steps, **columns), motion >= RULE.min_llr_motion_only
        )


@pytest.mark.parametrize("similarity", [1.0, 0.6, 0.3])
def test_motion_and_appearance_terms_are_added_and_compared_with_min_llr(similarity):
    tracks = calibrated(confirmed_tracks(boxes_at(100), EMBEDDINGS[:1], misses=[5]))
    steps, motion, _ = side_steps(tracks)
    look = similarity * EMBEDDINGS[:1] + np.sqrt(1 - similarity**2) * EMBEDDINGS[1:2]
    by_looks = RULE.appearance(np.array([[1 - similarity]]), np.array([5]))[0, 0]
    np.testing.assert_array_equal(
        matches_one_by_one(tracks, steps, embedding=look), motion + by_looks >= RULE.min_llr
    )


def test_distances_are_normalised_by_the_inter_identity_distance():
    shades = (
        np.sqrt(0.98) * EMBEDDINGS[:1] + np.sqrt(0.02) * EMBEDDINGS[1:]
    )  # 0.02 apart from one another
    seen = Detections(boxes_at(100, 102), embedding=shades[[1, 0]])
    for different, expected in ((shades[1:], {(0, 1), (1, 0)}), (EMBEDDINGS[1:], {(0, 0), (1, 1)})):
        tracks = confirmed_tracks(boxes_at(100, 102), shades[:2])
        tracks[1].calibration.update_inter(different.astype(np.float32))
        assert associate(RULE, tracks, seen) == expected


def test_other_person_at_the_predicted_position_of_a_coasting_track_does_not_match():
    table, pool = calibrated(confirmed_tracks(boxes_at(100), EMBEDDINGS[:1], misses=[5]))
    for _ in range(4):
        table.motion = kalman.predict(MOTION_MODEL, table.motion)
    for look, expected in ((EMBEDDINGS[:1], {(0, 0)}), (EMBEDDINGS[1:2], set())):
        seen = Detections(boxes_at(100), embedding=look)
        assert associate(RULE, (table, pool), seen) == expected


def test_confirmed_tracks_have_precedence_over_tentative_ones():
    tracks = make_tracks(
        boxes_at(100, 106), [State.TENTATIVE, State.CONFIRMED], [1, 1], EMBEDDINGS[:2]
    )
    assert associate(RULE, tracks, Detections(boxes_at(101))) == {(1, 0)}
    assert associate(RULE, tracks, Detections(boxes_at(101, 103))) == {(1, 1), (0, 0)}


def test_low_score_detection_matches_only_tracks_of_the_previous_frame():
    unsure = Detections(boxes_at(102), [0.2], embedding=EMBEDDINGS[:1])
    for state, misses, expected in (
        (State.CONFIRMED, 1, {(0, 0)}),
        (State.TENTATIVE, 1, set()),
        (State.COASTING, 2, set()),
    ):
        tracks = calibrated(make_tracks(boxes_at(100), [state], [misses], EMBEDDINGS[:1]))
        assert associate(RULE, tracks, unsure) == expected


def test_low_score_detection_must_reach_min_low_score_iou():
    tracks = confirmed_tracks(boxes_at(100), EMBEDDINGS[:1])
    steps, _, overlap = side_steps(tracks, 30)
    np.testing.assert_array_equal(
        matches_one_by_one(tracks, steps, score=[0.2]), overlap >= RULE.min_low_score_iou
    )


def test_low_score_detections_are_matched_after_high_score_ones():
    tracks = confirmed_tracks(boxes_at(100, 108), EMBEDDINGS[:2])
    # The unsure one lies exactly on the first track, but the sure one chooses before it.
    both = Detections(boxes_at(100, 103), [0.2, 0.9])
    assert associate(RULE, tracks, both) == {(0, 1), (1, 0)}
    assert associate(RULE, tracks, both[[0]]) == {(0, 0)}


def test_high_score_mask_of_the_input_decides_which_detections_compete():
    tracks = calibrated(confirmed_tracks(boxes_at(100), EMBEDDINGS[:1], misses=[5]))
    seen = Detections(boxes_at(100), [0.3], embedding=EMBEDDINGS[:1])
    assert associate(RULE, tracks, seen, high_score_threshold=0.4) == set()
    assert associate(RULE, tracks, seen, high_score_threshold=0.3) == {(0, 0)}


@pytest.mark.parametrize("score", [0.9, 0.2], ids=["sure", "unsure"])
def test_forbidden_pairs_are_never_matched(score):
    tracks = confirmed_tracks(boxes_at(100, 300), EMBEDDINGS[:2])
    seen = Detections(boxes_at(100, 300), [score, score])
    only_second = np.array([[True, True], [True, False]])
    assert associate(RULE, tracks, seen) == {(0, 0), (1, 1)}
    assert associate(RULE, tracks, seen, only_second) == {(1, 1)}


@pytest.mark.parametrize("embedding", [np.empty((0, 16)), np.empty((0, 0)), None])
def test_without_tracks_or_detections_nothing_is_matched(embedding):
    some = calibrated(confirmed_tracks(boxes_at(100, 300), EMBEDDINGS[:2]))
    nobody = calibrated(confirmed_tracks(np.empty((0, 4)), np.empty((0, 16))))
    nothing = Detections([], embedding=embedding)
    assert associate(RULE, some, nothing) == set()
    assert associate(RULE, nobody, nothing) == set()
    assert associate(RULE, nobody, Detections(boxes_at(1), embedding=EMBEDDINGS[:1])) == set()
