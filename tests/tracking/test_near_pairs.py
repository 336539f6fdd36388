"""Only near pairs are scored: the same results as with all pairs, in less memory."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepsort_reid import DeepSort, DeepSortConfig, Detections
from deepsort_reid.tracking import (
    GalleryAppearance,
    LikelihoodRatio,
    MatchingCascade,
    MeanAppearance,
    SizeMotion,
    assignment,
    near_pairs,
)
from deepsort_reid.tracking.assignment import allowed_pairs, assign
from deepsort_reid.tracking.extras.common_motion import estimate_common_motion
from deepsort_reid.tracking.extras.visibility import occlusion_ratio
from deepsort_reid.tracking.kalman import PEDESTRIAN_MOTION
from deepsort_reid.tracking.near_pairs import EVERYWHERE
from tests.tracking.scenarios import crowd

each_seed = given(seed=st.integers(0, 2**32 - 1))
few_examples = settings(max_examples=25, deadline=None)


class SmallParts:
    """Divides even small scenes into parts of about `size` pairs while it is entered."""

    def __init__(self, size):
        self.size = size

    def __enter__(self):
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(near_pairs, "_MAX_TESTED", 0)
        self.patch.setattr(near_pairs, "_MAX_PAIRS", self.size)
        self.patch.setattr(assignment, "_MAX_SOLVED_ROWS", self.size)

    def __exit__(self, *_):
        self.patch.undo()


def random_boxes(rng, n, spread=500.0):
    """Boxes (n, 4) of many sizes, a few of them huge."""
    size = rng.uniform(5, 60, (n, 2)) * np.where(rng.random((n, 1)) < 0.05, 20, 1)
    corner = rng.uniform(0, spread, (n, 2))
    return np.concatenate([corner, corner + size], axis=1)


@each_seed
@few_examples
def test_near_pairs_are_all_that_touch_once_each(seed):
    rng = np.random.default_rng(seed)
    regions, xyxy = (random_boxes(rng, int(n)) for n in rng.integers(1, 60, 2))
    regions[rng.random(len(regions)) < 0.05] = EVERYWHERE
    a, b = regions[:, None], xyxy
    touching = (a[..., :2] <= b[:, 2:]).all(axis=-1) & (a[..., 2:] >= b[:, :2]).all(axis=-1)
    expected = np.argwhere(touching).tolist()
    at_once = list(near_pairs.near_pairs(regions, xyxy))
    with SmallParts(int(rng.integers(1, 200))):
        parts = list(near_pairs.near_pairs(regions, xyxy))
    for found in (at_once, parts):
        rows, columns = (np.concatenate(each) for each in zip(*found, strict=True))
        assert (np.diff(rows) >= 0).all()
        assert sorted(zip(rows.tolist(), columns.tolist(), strict=True)) == [*map(tuple, expected)]
    assert len(at_once) == 1


def test_many_pairs_are_given_in_parts():
    xyxy = np.tile([0.0, 0, 10, 10], (50, 1))
    with SmallParts(200):
        sizes = [len(row) for row, _ in near_pairs.near_pairs(xyxy, xyxy)]
    assert sizes == [200] * 12 + [100]


@pytest.mark.parametrize(("n", "m"), [(0, 3), (2, 0), (0, 0)])
@pytest.mark.parametrize("max_tested", [0, 100])
def test_without_boxes_there_is_one_empty_part(monkeypatch, n, m, max_tested):
    monkeypatch.setattr(near_pairs, "_MAX_TESTED", max_tested)
    ((row, column),) = near_pairs.near_pairs(np.empty((n, 4)), np.empty((m, 4)))
    assert len(row) == len(column) == 0


@each_seed
@few_examples
def test_assignment_in_independent_parts_equals_one_assignment(seed):
    rng = np.random.default_rng(seed)
    cost = rng.uniform(-1, 1, rng.integers(1, 80, 2))
    cost[rng.random(cost.shape) > rng.choice([2, 4, 50]) / max(cost.shape)] = np.inf
    expected = assign(allowed_pairs(cost, 0.5)).pairs
    with SmallParts(int(rng.integers(1, 60))):
        found = assign(allowed_pairs(cost, 0.5)).pairs
    assert sorted(found.tolist()) == sorted(expected.tolist())


@each_seed
@few_examples
def test_common_motion_and_occlusion_equal_those_of_all_pairs(seed):
    rng = np.random.default_rng(seed)
    tracks = random_boxes(rng, int(rng.integers(0, 60)), spread=300)
    detections = tracks[rng.random(len(tracks)) < 0.9] + rng.normal(0, 2, 4)
    expected = estimate_common_motion(tracks, detections), occlusion_ratio(tracks)
    with SmallParts(int(rng.integers(1, 60))):
        found = estimate_common_motion(tracks, detections), occlusion_ratio(tracks)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


RULES = (
    LikelihoodRatio(),
    LikelihoodRatio(min_llr=4, min_iou=0.4),
    MatchingCascade(),
    MatchingCascade(max_iou_distance=0.9, motion_weight=0.4),
)
# Without overlap, all pairs have the same IoU of 0: which of them are matched is arbitrary.
RULES_WITHOUT_OVERLAP = (
    LikelihoodRatio(min_iou=0, min_llr=-3),
    LikelihoodRatio(min_iou=0, min_low_score_iou=0),
    MatchingCascade(max_iou_distance=1, gating_threshold=100, max_cosine_distance=0.6),
)


def random_tracker(rng, association):
    """A function that makes equal trackers."""
    config = DeepSortConfig(
        n_init=int(rng.integers(1, 4)),
        max_age=int(rng.choice([2, 30])),
        max_new_track_overlap=float(rng.choice([0.1, 0.6])),
        max_stored_occlusion=float(rng.choice([0.3, 1])),
        class_agnostic=bool(rng.random() < 0.5),
    )
    motion = [PEDESTRIAN_MOTION, SizeMotion()][rng.integers(2)]
    appearance = [MeanAppearance(), GalleryAppearance(budget=5)][rng.integers(2)]
    return lambda: DeepSort(config, association=association, motion=motion, appearance=appearance)


def random_scene(rng):
    """Detections of 30 frames; in some there are none, so that tracks coast and gates grow."""
    people, embedded = int(rng.integers(2, 25)), bool(rng.random() < 0.7)
    scene = crowd(30, people, int(rng.integers(10**6)), embedded, classes=2)
    for number, detections in enumerate(scene):
        yield Detections.empty() if number % 12 > 8 else detections


@each_seed
@few_examples
def test_tracks_by_parts_equal_tracks_with_all_pairs(seed):
    rng = np.random.default_rng(seed)
    make = random_tracker(rng, RULES[rng.integers(len(RULES))])
    all_pairs, by_parts, size = make(), make(), int(rng.integers(1, 60))
    for detections in random_scene(rng):
        expected = all_pairs.update(detections)
        with SmallParts(size):
            found = by_parts.update(detections)
        for name, values in vars(expected).items():
            np.testing.assert_array_equal(getattr(found, name), values, err_msg=name)
    np.testing.assert_array_equal(by_parts.tracks.xyxy, all_pairs.tracks.xyxy)


@each_seed
@few_examples
def test_allowed_pairs_of_all_parts_equal_those_of_all_pairs(seed):
    rng = np.random.default_rng(seed)
    rules, size = RULES + RULES_WITHOUT_OVERLAP, int(rng.integers(1, 60))
    rule, compared = rules[rng.integers(len(rules))], []

    def compare(inputs):
        expected = rule._allowed_pairs(inputs)
        with SmallParts(size):
            found = rule._allowed_pairs(inputs)
        for one, other in zip(expected, found, strict=True):
            costs = np.full(one.shape, np.inf), np.full(one.shape, np.inf)
            for cost, pairs in zip(costs, (one, other), strict=True):
                cost[pairs.row, pairs.column] = pairs.cost
            assert len(one.row) == len(other.row)
            # Products of float32 matrices may differ in the last digit.
            np.testing.assert_allclose(costs[1], costs[0], atol=1e-4)
            compared.append(len(one.row))
        return rule(inputs)

    tracker = random_tracker(rng, compare)()
    for detections in random_scene(rng):
        tracker.update(detections)
    assert sum(compared) > 20


@pytest.mark.parametrize("association", [LikelihoodRatio(), MatchingCascade()])
def test_no_update_of_3000_people_holds_a_matrix_of_all_pairs(association):
    rng, people = np.random.default_rng(0), 3000
    center, height = rng.uniform(0, [1920, 1080], (people, 2)), rng.uniform(40, 150, people)
    embedding = rng.normal(size=(people, 32))
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    tracker, size = DeepSort(association=association), np.column_stack([0.4 * height, height])
    tracemalloc.start()
    try:
        for _ in range(5):
            xywh = np.concatenate([center + rng.normal(0, 1, (people, 2)), size], axis=1)
            tracks = tracker.update(Detections.from_xywh(xywh, embedding=embedding))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(tracks) == people
    assert peak < 8 * people**2 / 2  # half of one matrix of float64
