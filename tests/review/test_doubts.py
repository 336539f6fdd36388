import numpy as np
import pytest

from deepsort_reid import MotRows
from deepsort_reid.io.mot import write_rows
from deepsort_reid.review import (
    Confirm,
    Delete,
    MarkDifferent,
    MarkSame,
    Move,
    Review,
    SplitTrack,
)
from deepsort_reid.review.overlaps import find_crossings, find_overlaps, visible_fraction
from deepsort_reid.structures import boxes
from tests.review import run_folders


def kinds(review):
    return [(each.kind, each.pieces) for each in review.doubts()]


def joined(run):
    """Tracks 1 and 3 are one person with probability 0.4."""
    path = run / "people.csv"
    path.write_text(
        path.read_text().replace("\n3,3,", "\n3,1,").replace(",0.4000,1,", ",0.4000,2,")
    )
    return Review.open(run)


def test_least_certain_case_comes_first(review):
    first, *others = review.doubts()
    assert (first.kind, first.pieces, first.persons) == ("new", [3], [3, 1])
    assert (first.frame, first.probability) == (20, 0.4)
    assert "probability 0.40" in first.text
    assert "the next best is person 1" in first.text
    given = [each.probability for each in others if each.probability is not None]
    assert given == sorted(given)
    # Track 1 is sure, and so are people of whom the registry is.
    assert ("new", [1]) not in kinds(review)


def test_crossing_and_short_track_are_doubtful(review):
    found = {each.kind: each for each in review.doubts()}
    crossing, short = found["crossing"], found["short"]
    assert (crossing.pieces, crossing.persons, crossing.probability) == ([1, 2], [1, 2], None)
    assert 7 <= crossing.frame <= 9
    assert short.pieces == [4]


def test_every_case_can_be_confirmed(review):
    for doubt in review.doubts():
        review.apply(Confirm(doubt.key))
    assert review.doubts() == []
    review.undo()
    assert len(review.doubts()) == 1


@pytest.mark.parametrize(
    ("edit", "decided"),
    [
        (MarkSame(1, 1), "join"),
        (Move(3, 20, 30), "join"),
        (Delete(3), "join"),
        (SplitTrack(2, 8), "crossing"),
        (Move(1, 8, 10), "crossing"),
        (Delete(4), "short"),
    ],
)
def test_edit_decides_the_case(run, edit, decided):
    with joined(run) as review:
        before = {each.kind for each in review.doubts()}
        assert decided in before
        review.apply(edit)
        assert decided not in {each.kind for each in review.doubts()}
        review.undo()
        assert {each.kind for each in review.doubts()} == before


def test_mark_as_different_decides_a_new_person(review):
    review.apply(MarkDifferent(3, 1))
    # Person 3 is new, as the tracker said.
    assert ("new", [3]) not in kinds(review)


def test_gap_in_a_track_is_doubtful_until_it_is_split(tmp_path):
    run = run_folders.write_run(tmp_path / "run")
    rows = run_folders.tracked_rows()
    write_rows(
        run / "tracks.txt", rows[(rows.id != 2) | (rows.frame < 9) | (rows.frame > 24)], "result"
    )
    with Review.open(run) as review:
        (gap,) = [each for each in review.doubts() if each.kind == "gap"]
        assert (gap.frame, gap.pieces) == (25, [2])
        assert "1.7 s after frame 8" in gap.text
        review.apply(SplitTrack(2, 25))
        assert "gap" not in dict(kinds(review))


def random_rows(seed, number=300):
    chance = np.random.default_rng(seed)
    frame = chance.integers(1, 30, number)
    xy = chance.uniform(0, 100, (number, 2))
    xyxy = np.concatenate([xy, xy + chance.uniform(1, 60, (number, 2))], axis=1)
    return MotRows(frame, np.arange(1, number + 1), xyxy)


@pytest.mark.parametrize("seed", range(3))
def test_overlaps_are_those_of_all_pairs(seed):
    rows = random_rows(seed)
    found = find_overlaps(rows)
    iou = boxes.iou(rows.xyxy, rows.xyxy) * (rows.frame[:, None] == rows.frame)
    expected = {tuple(pair) for pair in np.argwhere(np.triu(iou, 1) > 0).tolist()}
    pairs = np.sort(np.stack([found.first, found.second], axis=1), axis=1).tolist()
    assert len(pairs) == len(expected)
    assert {tuple(pair) for pair in pairs} == expected
    np.testing.assert_allclose(found.iou, iou[found.first, found.second])


def test_crossings_are_parts_of_overlap_with_the_largest_one():
    frame = np.array([1, 2, 3, 10, 11])
    left = np.array([40, 10, 20, 5, 0])  # of the second person; the first one is at 0
    first = MotRows(frame, np.full(5, 7), np.tile([0, 0, 50, 100], (5, 1)))
    second = MotRows(frame, np.full(5, 3), np.stack([left, left * 0, left + 50, left * 0 + 100], 1))
    rows = MotRows.concatenate([first, second])
    found = find_crossings(rows, find_overlaps(rows), min_iou=0.2, max_gap=2)
    assert [(each.tracks, each.first_frame, each.last_frame, each.frame) for each in found] == [
        ((3, 7), 2, 3, 2),
        ((3, 7), 10, 11, 11),
    ]
    assert [each.iou for each in found] == [pytest.approx(40 / 60), 1]


def test_visible_fraction_counts_the_box_in_front_and_the_border():
    xyxy = [[0, 0, 10, 20], [5, 0, 15, 30], [-10, 0, 10, 40], [50, 50, 60, 70]]
    rows = MotRows(np.array([1, 1, 2, 2]), np.arange(4), np.array(xyxy, dtype=float))
    visible = visible_fraction(rows, find_overlaps(rows), 100, 60)
    np.testing.assert_allclose(visible, [0.5, 1, 0.5, 0.5])
