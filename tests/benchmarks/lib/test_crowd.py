"""Simulated crowd: reproducible, plausible movement, detections and embeddings."""

from itertools import islice

import numpy as np

from benchmarks.lib.crowd import EMBEDDING_DIM, HEIGHT, WIDTH, crowd, simulate
from deepsort_reid.structures import boxes


def test_crowds_are_equal_for_equal_seeds_only() -> None:
    first, same, other = crowd(6, 15, seed=4), crowd(6, 15, seed=4), crowd(6, 15, seed=5)
    assert np.array_equal(first.truth.xyxy, same.truth.xyxy)
    for one, two in zip(first.detections, same.detections, strict=True):
        assert np.array_equal(one.xyxy, two.xyxy)
        assert np.array_equal(one.embedding, two.embedding)
    assert not np.array_equal(first.truth.xyxy, other.truth.xyxy)


def test_truth_has_every_person_in_every_frame() -> None:
    scene = crowd(7, 12)
    assert np.array_equal(np.bincount(scene.truth.frame)[1:], np.full(12, 7))
    assert np.array_equal(np.unique(scene.truth.id), np.arange(1, 8))
    feet = (scene.truth.xyxy[:, [0]] + scene.truth.xyxy[:, [2]]) / 2
    assert ((feet >= 0) & (feet <= WIDTH)).all()
    assert (scene.truth.xyxy[:, 3] <= HEIGHT).all()


def test_persons_move_at_walking_speed() -> None:
    scene = crowd(20, 100)
    position = scene.truth.xyxy[scene.truth.id.argsort(kind="stable")].reshape(20, 100, 4)
    height = (position[..., 3] - position[..., 1])[:, :-1]
    feet_x, feet_y = position[..., [0, 2]].mean(-1), position[..., 3]
    step = np.abs(np.diff(feet_y, axis=1)) + np.abs(np.diff(feet_x))
    # 1.5 m/s at 25 frames per second, 1.7 m tall, along both axes at once.
    assert (step / height).max() < 2**0.5 * 1.5 / 25 / 1.7 * 1.05


def test_persons_overlap_disappear_and_return() -> None:
    scene = crowd(30, 150)
    last = scene.truth[scene.truth.frame == 150].xyxy
    assert (boxes.iou(last, last) > 0.1).sum() > 30  # 30 of them are of a person with itself
    # (frames, people)
    detected = np.array([np.isin(np.arange(1, 31), ids) for ids in scene.true_id])
    assert 0.75 < detected.mean() < 0.97
    longest_gap = [
        max(map(len, "".join("x-"[int(here)] for here in person).split("-")))
        for person in detected.T
    ]
    assert max(longest_gap) >= 10
    assert detected[-10:].any(axis=0).sum() > 25


def test_detections_overlap_the_persons_they_belong_to() -> None:
    scene = crowd(15, 30)
    for number, (found, ids) in enumerate(
        zip(scene.detections, scene.true_id, strict=True), start=1
    ):
        truth = scene.truth[scene.truth.frame == number]
        real = ids > 0
        overlap = boxes.iou(found.xyxy[real], truth.xyxy[ids[real] - 1])
        assert (overlap.diagonal() > 0.5).mean() > 0.9
    false = np.mean([(ids < 0).sum() for ids in scene.true_id])
    assert 0.2 < false < 2  # one for every 20 persons


def test_embeddings_of_one_person_are_closer_than_those_of_two() -> None:
    scene = crowd(10, 40)
    embeddings = np.concatenate([found.embedding for found in scene.detections])
    ids = np.concatenate(scene.true_id)
    assert embeddings.shape[1] == EMBEDDING_DIM
    distance = 1 - embeddings @ embeddings.T
    same = (ids[:, None] == ids) & (ids > 0)
    np.fill_diagonal(same, False)
    other = (ids[:, None] != ids) & (ids > 0) & (ids[:, None] > 0)
    assert np.median(distance[same]) < 0.15
    assert np.percentile(distance[other], 1) > 0.3


def test_persons_who_leave_are_replaced_with_new_ids() -> None:
    crowd_frames = list(islice(simulate(5, 1, mean_stay=10), 60))
    assert all(len(np.unique(crowd_frame.id)) == 5 for crowd_frame in crowd_frames)
    ids = np.unique(np.concatenate([crowd_frame.id for crowd_frame in crowd_frames]))
    assert len(ids) > 15
    assert np.array_equal(ids, np.arange(1, len(ids) + 1))
