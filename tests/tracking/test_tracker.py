"""Properties of the tracker that hold for every association, motion model and gallery."""

import pickle
from copy import deepcopy

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections, State
from tests.tracking.scenarios import boxes_at, crowd, each_tracker, orthogonal_embeddings, perturbed

COLUMNS = (
    "id",
    "xyxy",
    "filtered_xyxy",
    "score",
    "class_id",
    "detection",
    "state",
    "age",
    "misses",
)


def assert_same(tracks, others, columns=COLUMNS):
    for column in columns:
        np.testing.assert_array_equal(
            getattr(tracks, column), getattr(others, column), err_msg=column
        )


def run(tracker, frames):
    """Returned tracks and all live tracks of each frame."""
    return [(tracker.update(detections), tracker.tracks) for detections in frames]


def assert_same_runs(one, other):
    for (returned, table), (other_returned, other_table) in zip(one, other, strict=True):
        assert_same(returned, other_returned)
        assert_same(table, other_table)


@each_tracker
def test_interleaved_trackers_give_the_same_results_as_separate_ones(make):
    first, second = list(crowd(40, seed=1)), list(crowd(40, seed=2))
    one, other = make(), make()
    together = [(run(one, [a])[0], run(other, [b])[0]) for a, b in zip(first, second, strict=True)]
    assert_same_runs([pair[0] for pair in together], run(make(), first))
    assert_same_runs([pair[1] for pair in together], run(make(), second))


@each_tracker
def test_reset_tracker_gives_the_same_results_as_a_new_one(make):
    used = make()
    run(used, crowd(30, seed=3))
    assert used.tracks.id.max() > 5
    used.reset()
    assert len(used.tracks) == 0
    assert_same_runs(run(used, crowd(40, seed=4)), run(make(), crowd(40, seed=4)))


def test_reset_tracker_accepts_another_frame_shape_and_embedding_length():
    tracker = DeepSort()
    boxes = boxes_at(10)
    tracker.update(Detections(boxes, embedding=np.eye(1, 8)), frame=np.zeros((40, 60, 3), np.uint8))
    tracker.reset()
    tracker.update(Detections(boxes, embedding=np.eye(1, 9)), frame=np.zeros((50, 60, 3), np.uint8))
    assert len(tracker.tracks) == 1


@each_tracker
@pytest.mark.parametrize("num_frames", [3, 45])
def test_copied_and_pickled_trackers_continue_like_the_original(make, num_frames):
    frames = list(crowd(70, seed=5))
    original = make(max_age=4)  # some tracks end and people return
    run(original, frames[:num_frames])
    copies = [pickle.loads(pickle.dumps(original)), deepcopy(original)]
    expected = run(original, frames[num_frames:])
    for copy in copies:
        assert_same_runs(run(copy, frames[num_frames:]), expected)


@each_tracker
@pytest.mark.parametrize("embedded", [True, False])
def test_reordering_detections_only_reorders_detection_rows(make, embedded):
    rng = np.random.default_rng(6)
    straight, shuffled = make(), make()
    shown = 0
    # More detections than the calibration compares in one frame.
    for detections in crowd(50, people=40, seed=6, embedded=embedded):
        order = rng.permutation(len(detections))
        tracks, others = straight.update(detections), shuffled.update(detections[order])
        np.testing.assert_array_equal(order[others.detection], tracks.detection)
        assert_same(tracks, others, set(COLUMNS) - {"detection"})
        assert_same(straight.tracks, shuffled.tracks, set(COLUMNS) - {"detection"})
        shown += len(tracks)
    assert shown > 900


@each_tracker
@pytest.mark.parametrize("min_score", [-np.inf, 0.5])
def test_every_track_has_the_row_of_its_input_detection(make, min_score):
    tracker, shown = make(min_score=min_score, smooth_boxes=False), 0
    for detections in crowd(40, seed=7):
        tracks = tracker.update(detections)
        shown += len(tracks)
        np.testing.assert_array_equal(tracks.xyxy, detections.xyxy[tracks.detection])
        np.testing.assert_array_equal(tracks.score, detections.score[tracks.detection])
        assert len(set(tracks.detection.tolist())) == len(tracks)
        assert (tracks.score >= min_score).all()
        ids = tracks.id_of_detection(len(detections))
        np.testing.assert_array_equal(ids[tracks.detection], tracks.id)
        assert np.count_nonzero(ids > 0) == len(tracks)
        table = tracker.tracks
        seen = table.detection >= 0
        np.testing.assert_array_equal(table.xyxy[seen], detections.xyxy[table.detection[seen]])
        np.testing.assert_array_equal(seen, table.misses == 0)
    assert shown > 100


@each_tracker
def test_update_returns_confirmed_tracks_in_the_order_of_ids(make):
    tracker = make()
    coasting = 0
    for detections in crowd(40, seed=8):
        shown, table = tracker.update(detections), tracker.tracks
        assert (np.diff(shown.id) > 0).all()
        assert_same(shown, table[table.state == State.CONFIRMED])
        np.testing.assert_array_equal(table.id > 0, table.state != State.TENTATIVE)
        np.testing.assert_array_equal(table.misses > 0, table.state == State.COASTING)
        coasting += np.count_nonzero(table.state == State.COASTING)
    assert coasting > 20


@each_tracker
def test_frames_without_detections_count_as_misses(make):
    tracker = make(max_age=5)
    assert len(tracker.update(Detections.empty())) == 0
    people = Detections(boxes_at(50, 150), embedding=orthogonal_embeddings(2))
    for _ in range(3):
        shown = tracker.update(people)
    np.testing.assert_array_equal(shown.id, [1, 2])
    for misses in range(1, 6):
        assert len(tracker.update(Detections.empty())) == 0
        np.testing.assert_array_equal(tracker.tracks.misses, [misses, misses])
    np.testing.assert_array_equal(tracker.update(people).id, [1, 2])
    run(tracker, [Detections.empty()] * 6)
    assert len(tracker.tracks) == 0


@each_tracker
def test_thousand_separate_detections_become_thousand_tracks(make):
    places = np.stack(np.meshgrid(np.arange(40), np.arange(25)), axis=-1).reshape(-1, 2)
    boxes = np.concatenate([30 * places, 30 * places + [20, 28]], axis=1).astype(np.float64)
    embedding = perturbed(np.zeros((1000, 8)), np.random.default_rng(9), 1)
    tracker = make()
    for step in range(4):
        shown = tracker.update(Detections(boxes + step, embedding=embedding))
    np.testing.assert_array_equal(shown.id, np.arange(1, 1001))
    # Equal scores: ids from left to right, and from top to bottom.
    np.testing.assert_array_equal(shown.detection, np.lexsort((boxes[:, 1], boxes[:, 0])))


@each_tracker
def test_thousand_overlapping_detections_are_matched_one_to_one(make):
    rng = np.random.default_rng(10)
    corner = rng.uniform(0, 100, (1000, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(20, 60, (1000, 2))], axis=1)
    tracker = make(n_init=1)
    for _ in range(2):
        shown = tracker.update(Detections(boxes))
    assert len(set(shown.detection.tolist())) == len(set(shown.id.tolist())) == len(shown) == 1000


@each_tracker
def test_missing_scores_and_classes_mean_score_one_and_class_zero(make):
    bare = [Detections(frame.xyxy) for frame in crowd(30, seed=11)]
    explicit = [
        Detections(frame.xyxy, np.ones(len(frame)), np.zeros(len(frame), dtype=np.int64))
        for frame in bare
    ]
    assert_same_runs(run(make(), bare), run(make(), explicit))


@each_tracker
def test_ids_are_kept_with_embeddings_in_some_frames_and_rows(make):
    rng = np.random.default_rng(12)
    tracker, embedding = make(), orthogonal_embeddings(4)
    for step in range(60):
        boxes = boxes_at(*(100 * np.arange(4) + 2 * step))
        rows = perturbed(embedding, rng)
        rows[rng.random(4) < 0.3] = 0
        shown = tracker.update(Detections(boxes, embedding=rows if rng.random() < 0.5 else None))
        if step >= 2:
            np.testing.assert_array_equal(shown.id, [1, 2, 3, 4])
            np.testing.assert_array_equal(shown.detection, [0, 1, 2, 3])


@each_tracker
def test_memory_does_not_grow_while_tracks_come_and_go(make):
    # A person stays for ten frames, and every frame has two false positives.
    # Only the registry keeps what is known of ended tracks.
    tracker, sizes = make(n_init=2, max_age=3), []
    embedding, rng = orthogonal_embeddings(64, 64), np.random.default_rng(15)
    for step in range(600):
        person = 7 * (step // 10)
        boxes = np.concatenate([boxes_at(90.0 * (person % 11)), boxes_at(*rng.uniform(0, 9e5, 2))])
        tracker.update(Detections(boxes, embedding=embedding[[step // 10, 62, 63]]))
        if step % 100 == 99:
            sizes.append(len(pickle.dumps((tracker._table, tracker._galleries))))
            assert len(tracker.tracks) <= 6
    assert tracker.tracks.id.max() == 60
    assert max(sizes) - min(sizes) < 2000


@each_tracker
def test_key_belongs_to_one_track_for_life_and_is_never_reused(make):
    tracker, slot_of, seen = make(), {}, set()
    for number, detections in enumerate(crowd(150, people=25), start=1):
        tracker.update(detections)
        keys, births = tracker.table.key.tolist(), (number - tracker.tracks.age).tolist()
        assert keys == sorted(set(keys))
        assert len(keys) == len(tracker.tracks)
        for key, *track in zip(keys, tracker._table.slot.tolist(), births, strict=True):
            # A gallery slot belongs to one track at a time, and tracks end before a new one starts.
            assert slot_of.setdefault(key, track) == track
        seen.update(keys)
    assert len({tuple(track) for track in slot_of.values()}) == len(slot_of) > 30
    assert seen == set(range(1, max(seen) + 1))


@each_tracker
def test_keys_start_at_one_after_reset(make):
    tracker = make()
    for detections in crowd(5):
        tracker.update(detections)
    tracker.reset()
    assert tracker.table.key.tolist() == []
    tracker.update(Detections(boxes_at(0, 100)))
    assert tracker.table.key.tolist() == [1, 2]


def test_reidentified_track_has_the_old_id_and_a_new_key():
    embedding, tracker = orthogonal_embeddings(2), DeepSort(DeepSortConfig(max_age=3))
    for _ in range(5):
        tracker.update(Detections(boxes_at(100, 300), embedding=embedding))
    for _ in range(3):
        tracker.update(Detections(boxes_at(300), embedding=embedding[1:]))
    for _ in range(3):  # the first person is back, far from the coasting track
        tracker.update(Detections(boxes_at(300, 600), embedding=embedding[::-1]))
    assert tracker.tracks.id.tolist() == [2, 1]
    assert tracker.table.key.tolist() == [2, 3]
