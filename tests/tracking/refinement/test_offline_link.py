"""Tracks of one person joined after the fact: who comes back, who passes, who only looks alike."""

import numpy as np
import pytest

from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.tracking.refinement.offline import link


def rows_of(frame, id, xyxy):
    return MotRows(np.asarray(frame), np.asarray(id), np.asarray(xyxy, dtype=float))


def people(*walks):
    """Rows and embeddings of tracks (id, first, last, left edge at frame 0, pace, look)."""
    rows, embeddings = [], []
    for id, first, last, left, pace, look in walks:
        frame = np.arange(first, last + 1)
        x = left + pace * frame
        box = np.column_stack([x, np.full(len(x), 100), x + 40, np.full(len(x), 200)])
        rows.append(rows_of(frame, np.full(len(frame), id), box))
        embeddings.append(np.tile(np.eye(8)[look], (len(frame), 1)))
    return MotRows.concatenate(rows), np.concatenate(embeddings)


# Two who are there all the time: they say what different people look like.
OTHERS = ((50, 1, 400, 2000, 0, 6), (51, 1, 400, 2500, 0, 7))


def linked(*walks):
    """The id of each track after linking with and without looks."""
    rows, embedding = people(*walks, *OTHERS)
    found = []
    for id in (link(rows, embedding).id, link(rows).id):
        names = {walk[0]: set(id[rows.id == walk[0]].tolist()) for walk in walks}
        assert all(len(name) == 1 for name in names.values())
        assert id[rows.id == 50].tolist() == [50] * 400
        found.append([name.pop() for name in names.values()])
    return found


def test_a_person_who_comes_back_is_linked_by_looks_and_not_by_motion_alone():
    assert linked((1, 1, 60, 0, 3, 0), (2, 300, 360, 1500, -3, 0)) == [[1, 1], [1, 2]]
    assert linked((1, 1, 60, 0, 3, 0), (2, 300, 360, 1500, -3, 1)) == [[1, 2], [1, 2]]


def test_a_walk_that_broke_for_a_moment_is_linked_by_motion_too():
    assert linked((1, 1, 60, 0, 3, 0), (2, 63, 120, 0, 3, 0)) == [[1, 1], [1, 1]]
    # But not with somebody else who goes on there.
    assert linked((1, 1, 60, 0, 3, 0), (2, 63, 120, 0, 3, 1))[0] == [1, 2]


def test_who_passes_another_behind_a_pillar_is_not_linked_to_the_other():
    # They meet at 180 px in frame 60 and are hidden in frames 58 to 62.
    right = ((1, 1, 57, 0, 3, 0), (3, 63, 120, 0, 3, 0))
    left = ((2, 1, 57, 360, -3, 1), (4, 63, 120, 360, -3, 1))
    assert linked(*right, *left)[0] == [1, 1, 2, 2]


def test_a_chain_of_tracks_takes_the_id_of_the_first():
    walks = [(9 - k, 1 + 60 * k, 50 + 60 * k, 300, 0, 0) for k in range(4)]
    assert linked(*walks)[0] == [9, 9, 9, 9]


def test_tracks_that_overlap_in_time_are_never_linked():
    # The same looks, the same place: 2 begins in the last frame of 1.
    assert linked((1, 1, 60, 300, 0, 0), (2, 60, 120, 300, 0, 0)) == [[1, 2], [1, 2]]


def test_linking_changes_ids_and_nothing_else():
    rows, embedding = people((1, 1, 60, 0, 3, 0), (2, 300, 360, 1500, -3, 0), *OTHERS)
    order = np.random.default_rng(0).permutation(len(rows))
    found = link(rows[order], embedding[order])
    for name in ("frame", "xyxy", "score", "class_id"):
        np.testing.assert_array_equal(getattr(found, name), getattr(rows[order], name))
    np.testing.assert_array_equal(found.id, link(rows, embedding).id[order])


def test_linking_twice_is_linking_once():
    rng = np.random.default_rng(2)
    walks = [
        (k, int(a), int(a + rng.integers(5, 80)), int(rng.integers(0, 900)), 1, int(k) % 5)
        for k, a in enumerate(rng.integers(1, 300, 30), start=1)
    ]
    rows, embedding = people(*walks, *OTHERS)
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
def test_embeddings_that_do_not_fit_the_rows_are_refused(embedding, message):
    with pytest.raises(ValueError, match=message):
        link(rows_of([1, 2, 3], [1, 1, 1], np.tile([0, 0, 9, 9], (3, 1))), embedding)
