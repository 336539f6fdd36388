"""DeepSORT's association against plain loops with a dense gate, and its rules one by one."""

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
from tests.tracking.people import associate, confirmed, crowd, looks, scene, standing

LOOKS = looks(4)


def solve(cost, limit):
    """Optimal pairs of a matrix in which anything dearer than `limit` is forbidden."""
    worth = np.where(cost <= limit, limit + 1e-5 - np.minimum(cost, limit), 0)
    rows, columns = linear_sum_assignment(worth, maximize=True)
    return [(r, c) for r, c in zip(rows, columns, strict=True) if cost[r, c] <= limit]


def naive_cascade(rule, table, pool, model, detections, _, __, forbidden):
    """Wojke et al. 2017, listing 1 and the IoU stage after it, pair by pair."""
    n, m = forbidden.shape
    measured = model.measure(detections.xyxy)
    variance = kalman.innovation_variance(model, table.motion)
    cost, sighted = np.full((n, m), np.inf), np.zeros((n, m), dtype=bool)
    for i in range(n):
        gallery = pool.embeddings(int(table.slot[i]))
        for j in range(m):
            if (
                detections.embedding is None
                or not len(gallery)
                or not detections.embedding[j].any()
            ):
                continue
            sighted[i, j] = True
            apart = measured[j] - table.motion[i, kalman.POSITION]
            gate = apart @ np.linalg.solve(np.diag(variance[i]), apart)
            look = (1 - gallery @ detections.embedding[j]).min()
            if gate <= rule.gating_threshold and look <= rule.max_cosine_distance:
                share = gate / rule.gating_threshold * rule.max_cosine_distance
                cost[i, j] = rule.motion_weight * share + (1 - rule.motion_weight) * look
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
    apart = 1 - boxes.iou(model.boxes(table.motion[:, kalman.POSITION]), detections.xyxy)
    apart[forbidden] = np.inf
    late = (table.state != State.TENTATIVE) & (table.misses > 1)
    apart[late[:, None] & sighted] = np.inf
    pairs += [
        (tracks[r], free[c]) for r, c in solve(apart[np.ix_(tracks, free)], rule.max_iou_distance)
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
def test_the_association_equals_plain_loops_over_a_crowd(rule, motion, appearance, embedded):
    compared = []

    def both(asked):
        matching = rule(asked)
        expected = naive_cascade(rule, *asked)
        assert {tuple(pair) for pair in matching.pairs.tolist()} == expected
        compared.append(len(expected))
        return matching

    config = DeepSortConfig(class_agnostic=False)
    tracker = DeepSort(config, association=both, motion=motion, appearance=appearance)
    for detections in crowd(60, people=10, embedded=embedded, classes=2):
        tracker.update(detections)
    assert np.mean(compared) > 6


def test_looks_decide_between_two_people_who_stand_close():
    tracks = confirmed(standing(100, 106), LOOKS[:2])
    swapped = Detections(standing(100, 106), embedding=LOOKS[[1, 0]])
    assert associate(MatchingCascade(), tracks, swapped) == {(0, 1), (1, 0)}


def test_a_look_alike_outside_the_gate_is_somebody_else():
    tracks = confirmed(standing(100), LOOKS[:1])
    far = Detections(standing(400), embedding=LOOKS[:1])
    assert associate(MatchingCascade(), tracks, far) == set()
    assert associate(MatchingCascade(gating_threshold=1e9), tracks, far) == {(0, 0)}


def test_the_gate_ends_where_95_percent_of_true_matches_lie():
    # 50 px high: seen once (2 x 2.5 px), a frame ago (10 x 50 / 160 and 2.5 px), measured (2.5 px).
    spread = np.sqrt(5**2 + 3.125**2 + 2.5**2 + 2.5**2)
    reach = np.sqrt(9.4877) * spread
    tracks = confirmed(standing(100), LOOKS[:1])
    for away, expected in ((reach - 0.01, {(0, 0)}), (reach + 0.01, set())):
        seen = Detections(standing(100 + away), embedding=LOOKS[:1])
        assert associate(MatchingCascade(max_iou_distance=0), tracks, seen) == expected


@pytest.mark.parametrize("weight", [0.0, 0.9])
def test_looks_too_different_are_refused_at_any_weight_of_motion(weight):
    tracks = confirmed(standing(100), LOOKS[:1], misses=[2])
    for similarity, expected in ((0.81, {(0, 0)}), (0.79, set())):
        look = similarity * LOOKS[:1] + np.sqrt(1 - similarity**2) * LOOKS[1:2]
        seen = Detections(standing(100), embedding=look)
        assert associate(MatchingCascade(motion_weight=weight), tracks, seen) == expected


def test_who_was_seen_last_chooses_first():
    # Both would match; the longer hidden one even looks nearer.
    older_looks = LOOKS[0]
    newer_looks = 0.95 * LOOKS[0] + np.sqrt(1 - 0.95**2) * LOOKS[1]
    tracks = confirmed(standing(100, 101), np.stack([older_looks, newer_looks]), misses=[9, 3])
    assert associate(MatchingCascade(), tracks, Detections(standing(100), embedding=LOOKS[:1])) == {
        (1, 0)
    }


def test_a_person_seen_a_frame_ago_may_change_looks_at_the_same_place():
    tracks = confirmed(standing(100), LOOKS[:1])
    changed = Detections(standing(102), embedding=LOOKS[1:2])
    assert associate(MatchingCascade(), tracks, changed) == {(0, 0)}


def test_a_person_hidden_for_longer_may_not():
    tracks = confirmed(standing(100), LOOKS[:1], misses=[2])
    changed = Detections(standing(100), embedding=LOOKS[1:2])
    assert associate(MatchingCascade(), tracks, changed) == set()


@pytest.mark.parametrize("side", ["detection", "track", "nobody"])
def test_where_there_is_no_appearance_to_judge_by_place_alone_decides(side):
    known = np.zeros((1, 16)) if side == "track" else LOOKS[:1]
    embedding = {"detection": np.zeros((1, 16)), "track": LOOKS[1:2], "nobody": None}[side]
    tracks = confirmed(standing(100), known, misses=[20])
    assert associate(MatchingCascade(), tracks, Detections(standing(104), embedding=embedding)) == {
        (0, 0)
    }


def test_tentative_tracks_match_by_place_and_after_confirmed_ones():
    tracks = scene(standing(100, 100), [State.TENTATIVE, State.CONFIRMED], [1, 1], LOOKS[[0, 1]])
    # It looks like the tentative track, but that one may not use its looks yet.
    mine = Detections(standing(101), embedding=LOOKS[1:2])
    assert associate(MatchingCascade(), tracks, mine) == {(1, 0)}
    two = Detections(standing(101, 103), embedding=LOOKS[[1, 2]])
    assert associate(MatchingCascade(), tracks, two) == {(1, 0), (0, 1)}


def test_the_weight_of_motion_moves_the_choice_from_looks_to_place():
    similar = np.stack([LOOKS[0], 0.9 * LOOKS[0] + np.sqrt(1 - 0.9**2) * LOOKS[1]])
    tracks = confirmed(standing(100), LOOKS[:1])
    # Detection 0 looks the same but stands aside; detection 1 is where the track was expected.
    seen = Detections(standing(106, 100), embedding=similar)
    assert associate(MatchingCascade(motion_weight=0), tracks, seen) == {(0, 0)}
    assert associate(MatchingCascade(motion_weight=1), tracks, seen) == {(0, 1)}


@pytest.mark.parametrize("embedding", [LOOKS[:2], None], ids=["looks", "place"])
def test_forbidden_pairs_never_match_at_either_stage(embedding):
    tracks = confirmed(standing(100, 300), LOOKS[:2])
    seen = Detections(standing(100, 300), embedding=embedding)
    only_second = np.array([[True, True], [True, False]])
    assert associate(MatchingCascade(), tracks, seen) == {(0, 0), (1, 1)}
    assert associate(MatchingCascade(), tracks, seen, only_second) == {(1, 1)}


@pytest.mark.parametrize("embedding", [np.empty((0, 16)), np.empty((0, 0)), None])
def test_no_tracks_or_no_detections_match_nothing(embedding):
    some = confirmed(standing(100, 300), LOOKS[:2])
    nobody = confirmed(np.empty((0, 4)), np.empty((0, 16)))
    nothing = Detections([], embedding=embedding)
    assert associate(MatchingCascade(), some, nothing) == set()
    assert associate(MatchingCascade(), nobody, nothing) == set()
    assert (
        associate(MatchingCascade(), nobody, Detections(standing(1), embedding=LOOKS[:1])) == set()
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"gating_threshold": 0.0}, "gating_threshold must be above 0, got 0.0"),
        ({"gating_threshold": np.inf}, "gating_threshold must be finite, got inf"),
        ({"max_cosine_distance": np.nan}, "max_cosine_distance must be finite, got nan"),
        ({"max_iou_distance": -np.inf}, "max_iou_distance must be finite, got -inf"),
        ({"motion_weight": 1.1}, r"motion_weight must be in \[0, 1\], got 1.1"),
        ({"motion_weight": -0.1}, r"motion_weight must be in \[0, 1\], got -0.1"),
    ],
)
def test_limits_that_mean_nothing_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        MatchingCascade(**values)
