"""The default association: its rules one by one, and against plain loops over a crowd."""

import math

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from deepsort_reid import DeepSort, DeepSortConfig, Detections, State
from deepsort_reid.structures import boxes
from deepsort_reid.tracking import (
    AspectMotion,
    GalleryAppearance,
    LikelihoodRatio,
    MeanAppearance,
    SizeMotion,
    kalman,
)
from tests.tracking.scenarios import (
    MOTION_MODEL,
    associate,
    boxes_at,
    confirmed_tracks,
    crowd,
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


def naive_llr(rule, table, pool, model, detections, forbidden):
    """The LLR (N, M) of all pairs, pair by pair."""
    n, m = forbidden.shape
    measured = model.measure(detections.xyxy)
    variance = kalman.innovation_variance(model, table.motion)
    total = np.full((n, m), -np.inf)
    for i in range(n):
        position = table.motion[i, kalman.POSITION]
        box = model.boxes(position[None])
        for j in range(m):
            overlap = boxes.iou(box, detections.xyxy[j : j + 1])[0, 0]
            recent = table.state[i] != State.COASTING
            if forbidden[i, j] or (recent and overlap < rule.min_iou):
                continue
            squared, at_center = 0.0, 1.0
            for k, scale in ((0, 0.7), (1, 0.7), (3, 1.0)):
                std = scale * math.sqrt(variance[i, k])
                squared += ((measured[j, k] - position[k]) / std) ** 2
                at_center -= math.log(std / position[3])
            motion = at_center - 3.5 * math.log1p(squared / 4)
            if motion <= -6:
                continue
            appearance_term = rule.min_llr - rule.min_llr_motion_only
            gallery = pool.embeddings(int(table.slot[i]))
            embedding = detections.embedding
            if (
                embedding is not None
                and pool.calibration.is_discriminative
                and len(gallery)
                and embedding[j].any()
            ):
                distance = (
                    max((1 - gallery @ embedding[j]).min(), 0)
                    / pool.calibration.inter_identity_distance
                )
                appearance_term = rule.appearance(np.array([[distance]]), table.misses[i : i + 1])[
                    0, 0
                ]
            total[i, j] = motion + appearance_term
    return total


def best_pairs(score, min_score):
    """Optimal pairs of a matrix in which scores below `min_score` are forbidden."""
    gain = np.where(
        score >= min_score, np.maximum(score - min_score, 0) + 1e-5 * max(1, abs(min_score)), 0
    )
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return [(r, c) for r, c in zip(rows, columns, strict=True) if score[r, c] >= min_score]


def naive_association(rule, table, pool, model, detections, high_score, _, forbidden):
    """Confirmed tracks, then tentative ones, then low-score detections, each from the rest."""
    n, m = forbidden.shape
    total = naive_llr(rule, table, pool, model, detections, forbidden)
    overlap = boxes.iou(model.boxes(table.motion[:, kalman.POSITION]), detections.xyxy)
    overlap[forbidden] = -np.inf
    stages = [
        (table.state != State.TENTATIVE, high_score, total, rule.min_llr),
        (table.state == State.TENTATIVE, high_score, total, rule.min_llr),
        (table.state == State.CONFIRMED, ~high_score, overlap, rule.min_low_score_iou),
    ]
    pairs = []
    for group, columns_of_stage, score, min_score in stages:
        rows = [i for i in range(n) if group[i] and i not in {pair[0] for pair in pairs}]
        columns = [
            j for j in range(m) if columns_of_stage[j] and j not in {pair[1] for pair in pairs}
        ]
        pairs += [
            (rows[r], columns[c]) for r, c in best_pairs(score[np.ix_(rows, columns)], min_score)
        ]
    return {(int(i), int(j)) for i, j in pairs}


@pytest.mark.parametrize(
    ("rule", "high_score_threshold", "motion", "appearance"),
    [
        (LikelihoodRatio(), 0.4, AspectMotion(), MeanAppearance()),
        (LikelihoodRatio(), 0.6, SizeMotion(), GalleryAppearance(budget=5)),
        (
            LikelihoodRatio(min_llr=4, min_iou=0.4),
            0.4,
            AspectMotion(),
            MeanAppearance(momentum=0),
        ),
    ],
    ids=["default", "low scores", "strict"],
)
@pytest.mark.parametrize("embedded", [True, False])
def test_association_equals_plain_loops_over_a_crowd(
    rule, high_score_threshold, motion, appearance, embedded
):
    compared = []

    def compare(inputs):
        matching = rule(inputs)
        expected = naive_association(rule, *inputs)
        assert {tuple(pair) for pair in matching.pairs.tolist()} == expected
        compared.append(len(expected))
        return matching

    config = DeepSortConfig(class_agnostic=False, high_score_threshold=high_score_threshold)
    tracker = DeepSort(config, association=compare, motion=motion, appearance=appearance)
    for detections in crowd(60, people=10, embedded=embedded, classes=2):
        tracker.update(detections)
    assert np.mean(compared) > 6
