"""Pseudo-labels: tracklets, pairs of different people, and the separation of their embeddings."""

import numpy as np
import pytest

from deepsort_reid.reid.training.adaptation_labels import (
    MIN_BOXES,
    TrackedBoxes,
    Tracklets,
    alone,
    find_tracklets,
    join,
    link,
    separation,
)

FRAMES = np.arange(1, 31)


def walk(start, speed):
    """Boxes (30, 4) of a person of 20 x 60 pixels who walks in a row."""
    left = start + speed * (FRAMES - 1)
    return np.stack([left, 0 * left, left + 20, 0 * left + 60], 1).astype(float)


def tracked(*walks):
    """`TrackedBoxes` of tracks 1, 2, ... that are seen in all frames."""
    xyxy = np.stack(walks, 1)  # frames, tracks, 4
    frame, track = (
        column.ravel()
        for column in np.meshgrid(FRAMES, np.arange(1, len(walks) + 1), indexing="ij")
    )
    is_alone = np.concatenate([alone(each, each) for each in xyxy])
    return TrackedBoxes(frame, track, xyxy.reshape(-1, 4), is_alone)


def test_box_is_alone_where_no_other_box_covers_much_of_it():
    xyxy = np.array([[0, 0, 20, 60], [18, 0, 38, 60], [10, 0, 30, 60.0]])
    assert alone(xyxy[:2], xyxy[:2]).tolist() == [True, True]
    assert alone(xyxy, xyxy).tolist() == [False, False, False]
    # A small box inside a large one.
    assert alone(np.array([[0, 0, 200, 600.0]]), np.array([[50, 50, 60, 80.0]])).tolist() == [False]
    assert alone(np.empty((0, 4)), xyxy).shape == (0,)


def test_people_apart_from_each_other_are_one_tracklet_each_and_different():
    boxes = tracked(walk(0, 4), walk(300, 4))
    labels = find_tracklets(boxes)
    assert labels.tracklet.tolist() == (boxes.track - 1).tolist()
    assert labels.are_different.tolist() == [[False, True], [True, False]]


def test_people_who_cross_are_cut_and_nothing_is_known_across_the_crossing():
    boxes = tracked(walk(0, 4), walk(112, -4))
    labels = find_tracklets(boxes)
    assert len(labels) == 4
    for track in (1, 2):
        parts = labels.tracklet[boxes.track == track]
        assert parts[0] != parts[-1]
        assert -1 in parts  # the boxes of the crossing
    first, last = labels.tracklet[:2], labels.tracklet[-2:]
    assert labels.are_different[first[0], first[1]]
    assert labels.are_different[last[0], last[1]]
    assert not labels.are_different[np.ix_(first, last)].any()


def test_track_that_jumps_or_pauses_is_cut():
    jump = walk(0, 4)
    jump[15:] += [15, 0, 15, 0]
    assert len(find_tracklets(tracked(jump))) == 2
    boxes = tracked(walk(0, 4))
    rows = np.flatnonzero(np.abs(boxes.frame - 15) > 1)
    pause = TrackedBoxes(*(getattr(boxes, k)[rows] for k in ("frame", "track", "xyxy", "is_alone")))
    assert len(find_tracklets(pause)) == 2
    every_third = np.flatnonzero(boxes.frame % 3 == 1)
    sparse = [getattr(boxes, k)[every_third] for k in ("frame", "track", "xyxy", "is_alone")]
    sparse[2] = walk(0, 4)[: len(every_third)]
    assert len(find_tracklets(TrackedBoxes(*sparse), every=3)) == 1
    assert len(find_tracklets(TrackedBoxes(*sparse))) == 0


def test_short_tracklets_are_not_used():
    boxes = tracked(walk(0, 4))
    short = TrackedBoxes(
        *(getattr(boxes, k)[: MIN_BOXES - 1] for k in ("frame", "track", "xyxy", "is_alone"))
    )
    labels = find_tracklets(short)
    assert (labels.tracklet == -1).all()
    assert labels.are_different.shape == (0, 0)


def test_nothing_is_known_between_videos():
    one = Tracklets(np.array([0, 1, -1]), ~np.eye(2, dtype=bool))
    both = join([one, one])
    assert both.tracklet.tolist() == [0, 1, -1, 2, 3, -1]
    assert both.are_different[:2, :2].any()
    assert both.are_different[2:, 2:].any()
    assert not both.are_different[:2, 2:].any()


@pytest.mark.parametrize("swapped", [False, True])
def test_parts_of_a_track_are_linked_by_similar_embeddings_only(swapped):
    boxes = tracked(walk(0, 4), walk(112, -4))
    person = boxes.track - 1
    if swapped:  # the tracker confused the two people at their crossing
        person = np.where(boxes.frame > 15, 1 - person, person)
    embedding = np.eye(2, dtype=np.float32)[person]
    row = np.arange(len(boxes))
    labels = link(boxes, find_tracklets(boxes), row, embedding)
    assert len(labels) == (4 if swapped else 2)
    for number in range(len(labels)):
        assert len(np.unique(person[labels.tracklet == number])) == 1
    first, second = labels.tracklet[:2]
    assert labels.are_different[first, second]


def test_separation_counts_pairs_of_each_gap_in_the_right_order():
    labels = Tracklets(np.repeat([0, 1], 40), ~np.eye(2, dtype=bool))
    frame = np.tile(np.arange(40), 2)
    apart = separation(np.eye(2, dtype=np.float32)[labels.tracklet], labels, frame)
    assert apart.auc[:5].tolist() == [1, 1, 1, 1, 1]
    assert np.isnan(apart.auc[5:]).all()  # no pairs with such gaps
    assert apart.mean == 1
    equal = separation(np.ones((80, 1), np.float32), labels, frame)
    assert equal.mean == 0.5
    unknown = Tracklets(labels.tracklet, np.zeros((2, 2), bool))
    assert np.isnan(separation(np.ones((80, 1), np.float32), unknown, frame).mean)
