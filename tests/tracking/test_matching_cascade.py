"""The matching cascade against plain loops with a dense gate, and its rules one by one."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from deepsort_reid import DeepSort, DeepSortConfig, Detections, State
from deepsort_reid.structures import boxes
from deepsort_reid.tracking import (
    AspectMotion,
    GalleryAppearance,
    MeanAppearance,
    SizeMotion,
    kalman,
)
from deepsort_reid.tracking.matching_cascade import MatchingCascade
from tests.tracking.scenarios import (
    associate,
    boxes_at,
    confirmed_tracks,
    crowd,
    make_tracks,
    orthogonal_embeddings,
)

EMBEDDINGS = orthogonal_embeddings(4)


def solve(cost, limit):
    """Optimal pairs of a matrix in which pairs that cost more than `limit` are forbidden."""
    gains = np.where(cost <= limit, limit + 1e-5 - np.minimum(cost, limit), 0)
    rows, columns = linear_sum_assignment(gains, maximize=True)
    return [(r, c) for r, c in zip(rows, columns, strict=True) if cost[r, c] <= limit]


def naive_cascade(rule, table, galleries, model, detections, _, __, forbidden):
    """Wojke et al. 2017, listing 1 and the IoU stage, pair by pair."""
    n, m = forbidden.shape
    measured = model.measure(detections.xyxy)
    variance = kalman.innovation_variance(model, table.motion)
    cost, comparable = np.full((n, m), np.inf), np.zeros((n, m), dtype=bool)
    for i in range(n):
        gallery = galleries.embeddings(int(table.slot[i]))
        for j in range(m):
            if (
                detections.embedding is None
                or not len(gallery)
                or not detections.embedding[j].any()
            ):
                continue
            comparable[i, j] = True
            offset = measured[j] - table.motion[i, kalman.POSITION]
            gate = offset @ np.linalg.solve(np.diag(variance[i]), offset)
            distance = (1 - gallery @ detections.embedding[j]).min()
            if gate <= rule.gating_threshold and distance <= rule.max_cosine_distance:
                scaled = gate / rule.gating_threshold * rule.max_cosine_distance
                cost[i, j] = rule.motion_weight * scaled + (1 - rule.motion_weight) * distance
    cost[forbidden] = np.inf
    pairs, free = [], list(range(m))
    for level in sorted(set(table.misses.tolist())):
        tracks = [
            i for i in range(n) if table.misses[i] == level and table.state[i] != State.TENTATIVE
        ]
        found = [
            (tracks[r], free[c])
            for r, c in solve(cost[np.ix_(tracks, free)], rule.max_cosine_distance)
        ]
        pairs += found
        free = [j for j in free if j not in {pair[1] for pair in found}]
    tracks = [i for i in range(n) if i not in {pair[0] for pair in pairs}]
    offset = 1 - boxes.iou(model.boxes(table.motion[:, kalman.POSITION]), detections.xyxy)
    offset[forbidden] = np.inf
    coasting = (table.state != State.TENTATIVE) & (table.misses > 1)
    offset[coasting[:, None] & comparable] = np.inf
    pairs += [
        (tracks[r], free[c]) for r, c in solve(offset[np.ix_(tracks, free)], rule.max_iou_distance)
    ]
    return {(int(i), int(j)) for i, j in pairs}


@pytest.mark.parametrize(
    ("rule", "motion", "appearance"),
    [
        (MatchingCascade(), AspectMotion(), GalleryAppearance(budget=5)),
        (MatchingCascade(motion_weight=0.4), SizeMotion(), GalleryAppearance(budget=5)),
        (
            MatchingCascade(max_cosine_distance=0.5, max_iou_distance=0.9),
            AspectMotion(),
            MeanAppearance(),
        ),
    ],
    ids=["published", "fused", "wide"],
)
@pytest.mark.parametrize("embedded", [True, False])
def test_association_equals_plain_loops_over_a_crowd(rule, motion, appearance, embedded):
    compared = []

    def compare(inputs):
        matching = rule(inputs)
        expected = naive_cascade(rule, *inputs)
        assert {tuple(pair) for pair in matching.pairs.tolist()} == expected
        compared.append(len(expected))
        return matching

    config = DeepSortConfig(class_agnostic=False)
    tracker = DeepSort(config, association=compare, motion=motion, appearance=appearance)
    for detections in crowd(60, people=10, embedded=embedded, classes=2):
        tracker.update(detections)
    assert np.mean(compared) > 6


def test_appearance_decides_between_neighbouring_tracks():
    tracks = confirmed_tracks(boxes_at(100, 106), EMBEDDINGS[:2])
    swapped = Detections(boxes_at(100, 106), embedding=EMBEDDINGS[[1, 0]])
    assert associate(MatchingCascade(), tracks, swapped) == {(0, 1), (1, 0)}


def test_similar_appearance_outside_the_gate_does_not_match():
    tracks = confirmed_tracks(boxes_at(100), EMBEDDINGS[:1])
    far = Detections(boxes_at(400), embedding=EMBEDDINGS[:1])
    assert associate(MatchingCascade(), tracks, far) == set()
    assert associate(MatchingCascade(gating_threshold=1e9), tracks, far) == {(0, 0)}


def test_gate_is_the_95_percent_quantile():
    # A track 50 px high, one frame after its first match: initial position (2 x 2.5 px) and
    # velocity (10 x 50 / 160 px), process and measurement (2.5 px each).
    std = np.sqrt(5**2 + 3.125**2 + 2.5**2 + 2.5**2)
    reach = np.sqrt(9.4877) * std
    tracks = confirmed_tracks(boxes_at(100), EMBEDDINGS[:1])
    for away, expected in ((reach - 0.01, {(0, 0)}), (reach + 0.01, set())):
        seen = Detections(boxes_at(100 + away), embedding=EMBEDDINGS[:1])
        assert associate(MatchingCascade(max_iou_distance=0), tracks, seen) == expected


@pytest.mark.parametrize("weight", [0.0, 0.9])
def test_max_cosine_distance_applies_at_any_motion_weight(weight):
    tracks = confirmed_tracks(boxes_at(100), EMBEDDINGS[:1], misses=[2])
    for similarity, expected in ((0.81, {(0, 0)}), (0.79, set())):
        changed = similarity * EMBEDDINGS[:1] + np.sqrt(1 - similarity**2) * EMBEDDINGS[1:2]
        seen = Detections(boxes_at(100), embedding=changed)
        assert associate(MatchingCascade(motion_weight=weight), tracks, seen) == expected


def test_recent_tracks_have_precedence():
    # Both would match, and the appearance of the longer coasting one is nearer.
    older_embedding = EMBEDDINGS[0]
    newer_embedding = 0.95 * EMBEDDINGS[0] + np.sqrt(1 - 0.95**2) * EMBEDDINGS[1]
    tracks = confirmed_tracks(
        boxes_at(100, 101), np.stack([older_embedding, newer_embedding]), misses=[9, 3]
    )
    assert associate(
        MatchingCascade(), tracks, Detections(boxes_at(100), embedding=EMBEDDINGS[:1])
    ) == {(1, 0)}


def test_recent_track_matches_by_iou_despite_other_appearance():
    tracks = confirmed_tracks(boxes_at(100), EMBEDDINGS[:1])
    changed = Detections(boxes_at(102), embedding=EMBEDDINGS[1:2])
    assert associate(MatchingCascade(), tracks, changed) == {(0, 0)}


def test_coasting_track_does_not_match_by_iou_with_other_appearance():
    tracks = confirmed_tracks(boxes_at(100), EMBEDDINGS[:1], misses=[2])
    changed = Detections(boxes_at(100), embedding=EMBEDDINGS[1:2])
    assert associate(MatchingCascade(), tracks, changed) == set()


@pytest.mark.parametrize("side", ["detection", "track", "neither"])
def test_coasting_track_matches_by_iou_without_appearance(side):
    known = np.zeros((1, 16)) if side == "track" else EMBEDDINGS[:1]
    embedding = {"detection": np.zeros((1, 16)), "track": EMBEDDINGS[1:2], "neither": None}[side]
    tracks = confirmed_tracks(boxes_at(100), known, misses=[20])
    assert associate(MatchingCascade(), tracks, Detections(boxes_at(104), embedding=embedding)) == {
        (0, 0)
    }


def test_tentative_tracks_match_by_iou_after_confirmed_ones():
    tracks = make_tracks(
        boxes_at(100, 100), [State.TENTATIVE, State.CONFIRMED], [1, 1], EMBEDDINGS[[0, 1]]
    )
    # The appearance is that of the tentative track, but appearance is compared after confirmation.
    mine = Detections(boxes_at(101), embedding=EMBEDDINGS[1:2])
    assert associate(MatchingCascade(), tracks, mine) == {(1, 0)}
    two = Detections(boxes_at(101, 103), embedding=EMBEDDINGS[[1, 2]])
    assert associate(MatchingCascade(), tracks, two) == {(1, 0), (0, 1)}


def test_motion_weight_moves_the_decision_from_appearance_to_motion():
    similar = np.stack([EMBEDDINGS[0], 0.9 * EMBEDDINGS[0] + np.sqrt(1 - 0.9**2) * EMBEDDINGS[1]])
    tracks = confirmed_tracks(boxes_at(100), EMBEDDINGS[:1])
    # Detection 0 has the same appearance, detection 1 is at the predicted position.
    seen = Detections(boxes_at(106, 100), embedding=similar)
    assert associate(MatchingCascade(motion_weight=0), tracks, seen) == {(0, 0)}
    assert associate(MatchingCascade(motion_weight=1), tracks, seen) == {(0, 1)}


@pytest.mark.parametrize("embedding", [EMBEDDINGS[:2], None], ids=["appearance", "iou"])
def test_forbidden_pairs_are_matched_in_neither_stage(embedding):
    tracks = confirmed_tracks(boxes_at(100, 300), EMBEDDINGS[:2])
    seen = Detections(boxes_at(100, 300), embedding=embedding)
    only_second = np.array([[True, True], [True, False]])
    assert associate(MatchingCascade(), tracks, seen) == {(0, 0), (1, 1)}
    assert associate(MatchingCascade(), tracks, seen, only_second) == {(1, 1)}


@pytest.mark.parametrize("embedding", [np.empty((0, 16)), np.empty((0, 0)), None])
def test_without_tracks_or_detections_no_detections_is_matched(embedding):
    some = confirmed_tracks(boxes_at(100, 300), EMBEDDINGS[:2])
    no_tracks = confirmed_tracks(np.empty((0, 4)), np.empty((0, 16)))
    no_detections = Detections([], embedding=embedding)
    assert associate(MatchingCascade(), some, no_detections) == set()
    assert associate(MatchingCascade(), no_tracks, no_detections) == set()
    assert (
        associate(MatchingCascade(), no_tracks, Detections(boxes_at(1), embedding=EMBEDDINGS[:1]))
        == set()
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"gating_threshold": 0.0}, "gating_threshold must be a number above 0, got 0.0"),
        ({"gating_threshold": np.inf}, "gating_threshold must be finite, got inf"),
        ({"max_cosine_distance": np.nan}, "max_cosine_distance must be finite, got nan"),
        ({"max_iou_distance": -np.inf}, "max_iou_distance must be finite, got -inf"),
        ({"motion_weight": 1.1}, r"motion_weight must be in \[0, 1\], got 1.1"),
        ({"motion_weight": -0.1}, r"motion_weight must be in \[0, 1\], got -0.1"),
    ],
)
def test_invalid_settings_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        MatchingCascade(**values)
