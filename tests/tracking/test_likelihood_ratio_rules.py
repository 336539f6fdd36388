"""The default association's rules one by one, on tables small enough to know every answer."""

import numpy as np
import pytest

from deepsort_reid import Detections, State
from deepsort_reid.structures import boxes
from deepsort_reid.tracking import LikelihoodRatio, kalman
from tests.tracking.people import MODEL, associate, confirmed, looks, scene, standing

LOOKS = looks(4)
RULE = LikelihoodRatio()


def calibrated(tracks):
    """The table and pool, after two people who look quite different were seen."""
    tracks[1].calibration.update_inter(LOOKS[2:].astype(np.float32))
    return tracks


def side_steps(tracks, n=60):
    """Boxes (n, 4) a pixel further right each; their evidence of motion and overlap (n,)."""
    steps = standing(*(100.0 + np.arange(n)))
    motion = tracks[0].motion
    expected = MODEL.boxes(motion[:, kalman.POSITION])
    return steps, RULE.motion(MODEL, motion, steps)[0], boxes.iou(expected, steps)[0]


def matches_one_by_one(tracks, steps, **columns):
    """Which of the boxes (n, 4) the only track takes when it is the only detection."""
    taken = [associate(RULE, tracks, Detections(step[None], **columns)) for step in steps]
    assert 0 < sum(map(bool, taken)) < len(taken)
    return [pairs == {(0, 0)} for pairs in taken]


def test_looks_decide_between_two_people_who_stand_close():
    swapped = Detections(standing(100, 106), embedding=LOOKS[[1, 0]])
    tracks = calibrated(confirmed(standing(100, 106), LOOKS[:2]))
    assert associate(RULE, tracks, swapped) == {(0, 1), (1, 0)}


@pytest.mark.parametrize("why", ["no looks", "no unit yet", "looks that tell nobody apart"])
@pytest.mark.filterwarnings("ignore:the embedder does not tell identities apart")
def test_place_decides_where_looks_say_nothing(why):
    swapped = Detections(standing(100, 106), embedding=LOOKS[[1, 0]])
    tracks = confirmed(standing(100, 106), LOOKS[:2])
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


def test_a_look_alike_far_away_is_somebody_else():
    tracks = calibrated(confirmed(standing(100), LOOKS[:1], misses=[5]))
    for away, expected in ((10, {(0, 0)}), (400, set())):
        seen = Detections(standing(100 + away), embedding=LOOKS[:1])
        assert associate(RULE, tracks, seen) == expected


def test_a_person_hidden_may_be_where_one_just_seen_may_not():
    away = Detections(standing(119), embedding=LOOKS[:1])
    hidden = calibrated(confirmed(standing(100), LOOKS[:1], misses=[5]))
    fresh = calibrated(confirmed(standing(100), LOOKS[:1]))
    # The same evidence, but no overlap to speak of.
    assert associate(RULE, hidden, away) == {(0, 0)}
    assert associate(RULE, fresh, away) == set()


def test_without_a_look_the_place_must_say_more():
    tracks = calibrated(confirmed(standing(100), LOOKS[:1], misses=[5]))
    steps, motion, _ = side_steps(tracks)
    for columns in ({}, {"embedding": np.zeros((1, 16))}):
        np.testing.assert_array_equal(
            matches_one_by_one(tracks, steps, **columns), motion >= RULE.min_llr_motion_only
        )


@pytest.mark.parametrize("similarity", [1.0, 0.6, 0.3])
def test_motion_and_looks_are_added_up_against_one_limit(similarity):
    tracks = calibrated(confirmed(standing(100), LOOKS[:1], misses=[5]))
    steps, motion, _ = side_steps(tracks)
    look = similarity * LOOKS[:1] + np.sqrt(1 - similarity**2) * LOOKS[1:2]
    by_looks = RULE.appearance(np.array([[1 - similarity]]), np.array([5]))[0, 0]
    np.testing.assert_array_equal(
        matches_one_by_one(tracks, steps, embedding=look), motion + by_looks >= RULE.min_llr
    )


def test_distances_count_in_units_of_what_different_people_have():
    shades = np.sqrt(0.98) * LOOKS[:1] + np.sqrt(0.02) * LOOKS[1:]  # 0.02 apart from one another
    seen = Detections(standing(100, 102), embedding=shades[[1, 0]])
    for different, expected in ((shades[1:], {(0, 1), (1, 0)}), (LOOKS[1:], {(0, 0), (1, 1)})):
        tracks = confirmed(standing(100, 102), shades[:2])
        tracks[1].calibration.update_inter(different.astype(np.float32))
        assert associate(RULE, tracks, seen) == expected


def test_a_stranger_is_no_match_where_somebody_hidden_was_expected():
    table, pool = calibrated(confirmed(standing(100), LOOKS[:1], misses=[5]))
    for _ in range(4):
        table.motion = kalman.predict(MODEL, table.motion)
    for look, expected in ((LOOKS[:1], {(0, 0)}), (LOOKS[1:2], set())):
        seen = Detections(standing(100), embedding=look)
        assert associate(RULE, (table, pool), seen) == expected


def test_tentative_tracks_choose_after_confirmed_ones():
    tracks = scene(standing(100, 106), [State.TENTATIVE, State.CONFIRMED], [1, 1], LOOKS[:2])
    assert associate(RULE, tracks, Detections(standing(101))) == {(1, 0)}
    assert associate(RULE, tracks, Detections(standing(101, 103))) == {(1, 1), (0, 0)}


def test_an_unsure_detection_continues_a_track_that_was_just_seen_and_no_other():
    unsure = Detections(standing(102), [0.2], embedding=LOOKS[:1])
    for state, misses, expected in (
        (State.CONFIRMED, 1, {(0, 0)}),
        (State.TENTATIVE, 1, set()),
        (State.COASTING, 2, set()),
    ):
        tracks = calibrated(scene(standing(100), [state], [misses], LOOKS[:1]))
        assert associate(RULE, tracks, unsure) == expected


def test_an_unsure_detection_must_overlap_with_what_was_expected():
    tracks = confirmed(standing(100), LOOKS[:1])
    steps, _, overlap = side_steps(tracks, 30)
    np.testing.assert_array_equal(
        matches_one_by_one(tracks, steps, score=[0.2]), overlap >= RULE.min_low_score_iou
    )


def test_an_unsure_detection_takes_what_sure_ones_left():
    tracks = confirmed(standing(100, 108), LOOKS[:2])
    # The unsure one lies exactly on the first track, but the sure one chooses before it.
    both = Detections(standing(100, 103), [0.2, 0.9])
    assert associate(RULE, tracks, both) == {(0, 1), (1, 0)}
    assert associate(RULE, tracks, both[[0]]) == {(0, 0)}


def test_how_sure_is_sure_is_not_for_the_rule_to_say():
    tracks = calibrated(confirmed(standing(100), LOOKS[:1], misses=[5]))
    seen = Detections(standing(100), [0.3], embedding=LOOKS[:1])
    assert associate(RULE, tracks, seen, high_score_threshold=0.4) == set()
    assert associate(RULE, tracks, seen, high_score_threshold=0.3) == {(0, 0)}


@pytest.mark.parametrize("score", [0.9, 0.2], ids=["sure", "unsure"])
def test_forbidden_pairs_never_match(score):
    tracks = confirmed(standing(100, 300), LOOKS[:2])
    seen = Detections(standing(100, 300), [score, score])
    only_second = np.array([[True, True], [True, False]])
    assert associate(RULE, tracks, seen) == {(0, 0), (1, 1)}
    assert associate(RULE, tracks, seen, only_second) == {(1, 1)}


@pytest.mark.parametrize("embedding", [np.empty((0, 16)), np.empty((0, 0)), None])
def test_no_tracks_or_no_detections_match_nothing(embedding):
    some = calibrated(confirmed(standing(100, 300), LOOKS[:2]))
    nobody = calibrated(confirmed(np.empty((0, 4)), np.empty((0, 16))))
    nothing = Detections([], embedding=embedding)
    assert associate(RULE, some, nothing) == set()
    assert associate(RULE, nobody, nothing) == set()
    assert associate(RULE, nobody, Detections(standing(1), embedding=LOOKS[:1])) == set()
