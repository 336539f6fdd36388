"""Offline linking of tracks: people who return, pass each other, or look alike."""

import numpy as np
import pytest

from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.tracking.refinement.offline import link


def rows_of(frame, id, xyxy):
    return MotRows(np.asarray(frame), np.asarray(id), np.asarray(xyxy, dtype=float))


def make_tracks(*walks):
    """Rows and embeddings of walks: id, first and last frame, left edge in frame 0, speed, person.

    The embedding of a person is the unit vector of that number.
    """
    rows, embeddings = [], []
    for id, first, last, left, speed, person in walks:
        frame = np.arange(first, last + 1)
        x = left + speed * frame
        box = np.column_stack([x, np.full(len(x), 100), x + 40, np.full(len(x), 200)])
        rows.append(rows_of(frame, np.full(len(frame), id), box))
        embeddings.append(np.tile(np.eye(8)[person], (len(frame), 1)))
    return MotRows.concatenate(rows), np.concatenate(embeddings)


# Two people who are present all the time: the inter-identity distance is measured on them.
OTHERS = ((50, 1, 400, 2000, 0, 6), (51, 1, 400, 2500, 0, 7))


def linked_ids(*walks):
    """The id of each track after linking: with embeddings, and without."""
    rows, embedding = make_tracks(*walks, *OTHERS)
    linked = []
    for id in (link(rows, embedding).id, link(rows).id):
        new_ids = {walk[0]: set(id[rows.id == walk[0]].tolist()) for walk in walks}
        assert all(len(ids) == 1 for ids in new_ids.values())
        assert id[rows.id == 50].tolist() == [50] * 400
        linked.append([ids.pop() for ids in new_ids.values()])
    return linked


def test_person_who_returns_is_linked_by_appearance_and_not_by_motion_alone():
    assert linked_ids((1, 1, 60, 0, 3, 0), (2, 300, 360, 1500, -3, 0)) == [[1, 1], [1, 2]]
    assert linked_ids((1, 1, 60, 0, 3, 0), (2, 300, 360, 1500, -3, 1)) == [[1, 2], [1, 2]]


def test_short_gap_is_linked_by_motion_alone():
    assert linked_ids((1, 1, 60, 0, 3, 0), (2, 63, 120, 0, 3, 0)) == [[1, 1], [1, 1]]
    # But not to another person at the predicted position.
    assert linked_ids((1, 1, 60, 0, 3, 0), (2, 63, 120, 0, 3, 1))[0] == [1, 2]


def test_people_who_pass_each_other_behind_a_pillar_are_linked_correctly():
    # They meet at 180 px in frame 60 and are hidden in frames 58 to 62.
    right = ((1, 1, 57, 0, 3, 0), (3, 63, 120, 0, 3, 0))
    left = ((2, 1, 57, 360, -3, 1), (4, 63, 120, 360, -3, 1))
    assert linked_ids(*right, *left)[0] == [1, 1, 2, 2]


def test_chain_of_linked_tracks_takes_the_id_of_the_first():
    walks = [(9 - k, 1 + 60 * k, 50 + 60 * k, 300, 0, 0) for k in range(4)]
    assert linked_ids(*walks)[0] == [9, 9, 9, 9]


def test_tracks_that_overlap_in_time_are_not_linked():
    # The same appearance and position: track 2 begins in the last frame of track 1.
    assert linked_ids((1, 1, 60, 300, 0, 0), (2, 60, 120, 300, 0, 0)) == [[1, 2], [1, 2]]


def test_linking_changes_only_ids():
    rows, embedding = make_tracks((1, 1, 60, 0, 3, 0), (2, 300, 360, 1500, -3, 0), *OTHERS)
    order = np.random.default_rng(0).permutation(len(rows))
    linked = link(rows[order], embedding[order])
    for name in ("frame", "xyxy", "score", "class_id"):
        np.testing.assert_array_equal(getattr(linked, name), getattr(rows[order], name))
    np.testing.assert_array_equal(linked.id, link(rows, embedding).id[order])


def test_linking_is_idempotent():
    rng = np.random.default_rng(2)
    walks = [
        (k, int(a), int(a + rng.integers(5, 80)), int(rng.integers(0, 900)), 1, int(k) % 5)
        for k, a in enumerate(rng.integers(1, 300, 30), start=1)
    ]
    rows, embedding = make_tracks(*walks, *OTHERS)
    once = link(rows, embedding)
    np.testing.assert_array_equal(link(once, embedding).id, once.id)
    pairs = np.column_stack([once.frame, once.id])
    assert len(np.unique(pairs, axis=0)) == len(pairs)


@pytest.mark.parametrize(
    ("embedding", "message"),
    [
        (np.ones((2, 4)), r"expected one embedding for each of 3 rows, got shape \(2, 4\)"),
        (np.ones(3), r"expected one embedding for each of 3 rows, got shape \(3,\)"),
        ([[1.0], [np.nan], [1.0]], "embedding must be finite, row 1 is not"),
    ],
)
def test_invalid_embeddings_are_refused(embedding, message):
    with pytest.raises(ValueError, match=message):
        link(rows_of([1, 2, 3], [1, 1, 1], np.tile([0, 0, 9, 9], (3, 1))), embedding)
