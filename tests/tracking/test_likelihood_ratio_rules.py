"""Rules of the default association, one by one, on tables of one or two tracks."""

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
    """The table and gallery store, with an inter-identity distance of 1."""
    tracks[1].calibration.update_inter(EMBEDDINGS[2:].astype(np.float32))
    return tracks


def boxes_to_the_right(tracks, n=60):
    """Boxes (n, 4), each one pixel further right; their motion LLR (n,) and IoU (n,)."""
    steps = boxes_at(*(100.0 + np.arange(n)))
    motion = tracks[0].motion
    expected = MOTION_MODEL.boxes(motion[:, kalman.POSITION])
    return steps, RULE.motion(MOTION_MODEL, motion, steps)[0], boxes.iou(expected, steps)[0]


def matches_one_by_one(tracks, steps, **columns):
    """For each of the boxes (n, 4) as the only detection: whether the only track matches it."""
    matched = [associate(RULE, tracks, Detections(step[None], **columns)) for step in steps]
    assert 0 < sum(map(bool, matched)) < len(matched)
    return [pairs == {(0, 0)} for pairs in matched]


def test_appearance_decides_between_neighbouring_tracks():
    swapped = Detections(boxes_at(100, 106), embedding=EMBEDDINGS[[1, 0]])
    tracks = calibrated(confirmed_tracks(boxes_at(100, 106), EMBEDDINGS[:2]))
    assert associate(RULE, tracks, swapped) == {(0, 1), (1, 0)}


@pytest.mark.parametrize("case", ["no embeddings", "not calibrated", "not discriminative"])
@pytest.mark.filterwarnings("ignore:the embedder does not tell identities apart")
def test_motion_decides_without_usable_appearance(case):
    swapped = Detections(boxes_at(100, 106), embedding=EMBEDDINGS[[1, 0]])
    tracks = confirmed_tracks(boxes_at(100, 106), EMBEDDINGS[:2])
    calibration = tracks[1].calibration
    if case == "no embeddings":
        calibrated(tracks)
        swapped = swapped.with_embedding(None)
    if case == "not discriminative":
        for _ in range(40):
            calibrated(tracks)
            calibration.update_intra(np.array([0.9]))
    assert calibration.is_discriminative == (case == "no embeddings")
    assert associate(RULE, tracks, swapped) == {(0, 0), (1, 1)}


def test_similar_appearance_far_away_does_not_match():
    tracks = calibrated(confirmed_tracks(boxes_at(100), EMBEDDINGS[:1], misses=[5]))
    for away, expected in ((10, {(0, 0)}), (400, set())):
        seen = Detections(boxes_at(100 + away), embedding=EMBEDDINGS[:1])
        assert associate(RULE, tracks, seen) == expected


def test_min_iou_applies_to_recent_tracks_only():
    away = Detections(boxes_at(119), embedding=EMBEDDINGS[:1])
    coasting = calibrated(confirmed_tracks(boxes_at(100), EMBEDDINGS[:1], misses=[5]))
    recent = calibrated(confirmed_tracks(boxes_at(100), EMBEDDINGS[:1]))
    # The same LLR, but next to no IoU.
    assert associate(RULE, coasting, away) == {(0, 0)}
    assert associate(RULE, recent, away) == set()


def test_without_appearance_min_llr_motion_only_applies():
    tracks = calibrated(confirmed_tracks(boxes_at(100), EMBEDDINGS[:1], misses=[5]))
    steps, motion, _ = boxes_to_the_right(tracks)
    for columns in ({}, {"embedding": np.zeros((1, 16))}):
        np.testing.assert_array_equal(
            matches_one_by_one(tracks, steps, **columns), motion >= RULE.min_llr_motion_only
        )


@pytest.mark.parametrize("similarity", [1.0, 0.6, 0.3])
def test_motion_and_appearance_terms_are_added_and_compared_with_min_llr(similarity):
    tracks = calibrated(confirmed_tracks(boxes_at(100), EMBEDDINGS[:1], misses=[5]))
    steps, motion, _ = boxes_to_the_right(tracks)
    embedding = similarity * EMBEDDINGS[:1] + np.sqrt(1 - similarity**2) * EMBEDDINGS[1:2]
    appearance = RULE.appearance(np.array([[1 - similarity]]), np.array([5]))[0, 0]
    np.testing.assert_array_equal(
        matches_one_by_one(tracks, steps, embedding=embedding), motion + appearance >= RULE.min_llr
    )


def test_distances_are_normalised_by_the_inter_identity_distance():
    shades = np.sqrt(0.98) * EMBEDDINGS[:1] + np.sqrt(0.02) * EMBEDDINGS[1:]  # cosine distance 0.02
    seen = Detections(boxes_at(100, 102), embedding=shades[[1, 0]])
    for different, expected in ((shades[1:], {(0, 1), (1, 0)}), (EMBEDDINGS[1:], {(0, 0), (1, 1)})):
        tracks = confirmed_tracks(boxes_at(100, 102), shades[:2])
        tracks[1].calibration.update_inter(different.astype(np.float32))
        assert associate(RULE, tracks, seen) == expected


def test_other_person_at_the_predicted_position_of_a_coasting_track_does_not_match():
    table, galleries = calibrated(confirmed_tracks(boxes_at(100), EMBEDDINGS[:1], misses=[5]))
    for _ in range(4):
        table.motion = kalman.predict(MOTION_MODEL, table.motion)
    for embedding, expected in ((EMBEDDINGS[:1], {(0, 0)}), (EMBEDDINGS[1:2], set())):
        seen = Detections(boxes_at(100), embedding=embedding)
        assert associate(RULE, (table, galleries), seen) == expected


def test_confirmed_tracks_have_precedence_over_tentative_ones():
    tracks = make_tracks(
        boxes_at(100, 106), [State.TENTATIVE, State.CONFIRMED], [1, 1], EMBEDDINGS[:2]
    )
    assert associate(RULE, tracks, Detections(boxes_at(101))) == {(1, 0)}
    assert associate(RULE, tracks, Detections(boxes_at(101, 103))) == {(1, 1), (0, 0)}


def test_low_score_detection_matches_only_tracks_of_the_previous_frame():
    low_score = Detections(boxes_at(102), [0.2], embedding=EMBEDDINGS[:1])
    for state, misses, expected in (
        (State.CONFIRMED, 1, {(0, 0)}),
        (State.TENTATIVE, 1, set()),
        (State.COASTING, 2, set()),
    ):
        tracks = calibrated(make_tracks(boxes_at(100), [state], [misses], EMBEDDINGS[:1]))
        assert associate(RULE, tracks, low_score) == expected


def test_low_score_detection_must_reach_min_low_score_iou():
    tracks = confirmed_tracks(boxes_at(100), EMBEDDINGS[:1])
    steps, _, overlap = boxes_to_the_right(tracks, 30)
    np.testing.assert_array_equal(
        matches_one_by_one(tracks, steps, score=[0.2]), overlap >= RULE.min_low_score_iou
    )


def test_low_score_detections_are_matched_after_high_score_ones():
    tracks = confirmed_tracks(boxes_at(100, 108), EMBEDDINGS[:2])
    # The low-score detection is exactly on the first track, but high-score ones are matched first.
    both = Detections(boxes_at(100, 103), [0.2, 0.9])
    assert associate(RULE, tracks, both) == {(0, 1), (1, 0)}
    assert associate(RULE, tracks, both[[0]]) == {(0, 0)}


def test_high_score_mask_of_the_input_decides_which_detections_compete():
    tracks = calibrated(confirmed_tracks(boxes_at(100), EMBEDDINGS[:1], misses=[5]))
    seen = Detections(boxes_at(100), [0.3], embedding=EMBEDDINGS[:1])
    assert associate(RULE, tracks, seen, high_score_threshold=0.4) == set()
    assert associate(RULE, tracks, seen, high_score_threshold=0.3) == {(0, 0)}


@pytest.mark.parametrize("score", [0.9, 0.2], ids=["high score", "low score"])
def test_forbidden_pairs_are_never_matched(score):
    tracks = confirmed_tracks(boxes_at(100, 300), EMBEDDINGS[:2])
    seen = Detections(boxes_at(100, 300), [score, score])
    only_second = np.array([[True, True], [True, False]])
    assert associate(RULE, tracks, seen) == {(0, 0), (1, 1)}
    assert associate(RULE, tracks, seen, only_second) == {(1, 1)}


@pytest.mark.parametrize("embedding", [np.empty((0, 16)), np.empty((0, 0)), None])
def test_without_tracks_or_detections_no_detections_is_matched(embedding):
    some = calibrated(confirmed_tracks(boxes_at(100, 300), EMBEDDINGS[:2]))
    no_tracks = calibrated(confirmed_tracks(np.empty((0, 4)), np.empty((0, 16))))
    no_detections = Detections([], embedding=embedding)
    assert associate(RULE, some, no_detections) == set()
    assert associate(RULE, no_tracks, no_detections) == set()
    assert associate(RULE, no_tracks, Detections(boxes_at(1), embedding=EMBEDDINGS[:1])) == set()
