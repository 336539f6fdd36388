import numpy as np
import pytest

from deepsort_reid.review.edits import (
    Confirm,
    Delete,
    MarkDifferent,
    MarkSame,
    MergePersons,
    Move,
    Rename,
    SplitTrack,
    edit_from_dict,
    edit_to_dict,
)
from deepsort_reid.review.state import apply_edit, initial_state

# Track 1 in frames 1 to 4, track 2 in frames 3 to 6, track 3 in frames 8 to 10.
TRACK = np.array([1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3])
FRAME = np.array([1, 2, 3, 4, 3, 4, 5, 6, 8, 9, 10])


@pytest.fixture
def state():
    return initial_state(TRACK, {1: 1, 2: 2, 3: 5}, {5: "Ada"})


def apply(state, *edits):
    for edit in edits:
        state = apply_edit(state, edit, FRAME)
    return state


def frames(state):
    """Person -> frames of its boxes."""
    found = {}
    for row in state.pieces.values():
        if not row.deleted:
            found.setdefault(row.person, []).extend(FRAME[row.start : row.stop].tolist())
    return {person: sorted(each) for person, each in found.items()}


def test_merged_person_has_the_frames_of_both_and_the_name(state):
    merged = apply(state, MergePersons(1, 5))
    assert frames(merged) == {1: [1, 2, 3, 4, 8, 9, 10], 2: [3, 4, 5, 6]}
    assert merged.names == {1: "Ada"}
    assert frames(state) == {1: [1, 2, 3, 4], 2: [3, 4, 5, 6], 5: [8, 9, 10]}


def test_split_makes_a_new_person(state):
    split = apply(state, SplitTrack(2, 5))
    assert frames(split) == {1: [1, 2, 3, 4], 2: [3, 4], 5: [8, 9, 10], 6: [5, 6]}
    assert split.pieces[4].track == 2


def test_middle_of_a_piece_is_moved(state):
    moved = apply(state, Move(3, 9, 9, 1))
    assert frames(moved) == {1: [1, 2, 3, 4, 9], 2: [3, 4, 5, 6], 5: [8, 10]}


def test_deleted_piece_is_of_nobody(state):
    deleted = apply(state, Delete(2))
    assert 2 not in frames(deleted)
    with pytest.raises(ValueError, match="piece 2: deleted already"):
        apply(deleted, Delete(2))


def test_persons_seen_in_one_frame_cannot_be_one(state):
    with pytest.raises(ValueError, match=r"piece 2 cannot be of person 1, .* 2 frame\(s\).* 3 to"):
        apply(state, MergePersons(1, 2))
    with pytest.raises(ValueError, match="piece 1 cannot be of person 2"):
        apply(state, Move(1, 3, 4, 2))
    assert frames(apply(state, Move(1, 1, 2, 2)))[2] == [1, 2, 3, 4, 5, 6]


def test_persons_marked_as_different_stay_so_when_a_piece_is_split(state):
    different = apply(state, MarkDifferent(1, 5))
    with pytest.raises(ValueError, match="pieces 1 and 3 were marked as different"):
        apply(different, MergePersons(1, 5))
    split = apply(different, SplitTrack(3, 9))
    with pytest.raises(ValueError, match="pieces 1 and 4 were marked as different"):
        apply(split, MarkSame(1, 6))


def test_persons_marked_as_same_are_one(state):
    same = apply(state, MarkSame(5, 1))
    assert frames(same)[5] == [1, 2, 3, 4, 8, 9, 10]
    assert same.same == {(1, 3)}


def test_name_is_of_one_person(state):
    named = apply(state, Rename(1, "  Grace\t Hopper "))
    assert named.names == {1: "Grace Hopper", 5: "Ada"}
    with pytest.raises(ValueError, match="person 5 has the name 'Ada' already"):
        apply(named, Rename(2, "Ada"))
    assert apply(named, Rename(1, None)).names == {5: "Ada"}


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (MergePersons(1, 1), "got 1 twice"),
        (MergePersons(1, 9), "person 9: no such person"),
        (SplitTrack(9, 2), "piece 9: no such piece"),
        (SplitTrack(1, 1), "expected a frame after its first one, 1, up to 4, got 1"),
        (SplitTrack(1, 5), "up to 4, got 5"),
        (Move(1, 5, 9, 5), "expected some of its frames, 1 to 4, got 5 to 9"),
        (Move(1, 1, 2, 1), "piece 1 is of person 1 already"),
        (Move(1, 1, 2, 9), "person 9: no such person"),
        (Rename(9, "x"), "person 9: no such person"),
        (MarkDifferent(1, 1), "cannot differ from itself"),
    ],
)
def test_impossible_edit_is_refused(state, edit, message):
    with pytest.raises(ValueError, match=message) as caught:
        apply(state, edit)
    assert "\n" not in str(caught.value)


EDITS = [
    MergePersons(1, 2),
    SplitTrack(3, 4),
    Move(1, 2, 3, None),
    Move(1, 2, 3, 4),
    Rename(1, '<script>"'),
    Rename(1, None),
    Delete(2),
    MarkSame(1, 1),
    MarkDifferent(1, 2),
    Confirm("join:3"),
]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.kind)
def test_edit_is_restored_from_plain_data(edit):
    assert edit_from_dict(edit_to_dict(edit)) == edit


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "expected an edit, an object with a kind, got None"),
        ({"kind": "explode"}, "expected an edit of kind merge_persons.*got 'explode'"),
        ({"kind": []}, "expected an edit of kind"),
        ({"kind": "delete"}, "expected an edit delete with piece, got nothing"),
        ({"kind": "delete", "piece": 1, "why": 2}, "with piece, got piece, why"),
        ({"kind": "delete", "piece": True}, "piece of an edit delete to be a whole number"),
        ({"kind": "delete", "piece": 2**40}, "piece of an edit delete to be a whole number"),
        ({"kind": "delete", "piece": None}, "piece of an edit delete to be a whole number"),
        ({"kind": "rename", "person": 1, "name": "x" * 201}, "name of an edit rename to be text"),
        ({"kind": "rename", "person": 1, "name": "\ud800"}, "to be Unicode text"),
    ],
)
def test_other_data_is_no_edit(data, message):
    with pytest.raises(ValueError, match=message) as caught:
        edit_from_dict(data)
    assert "\n" not in str(caught.value)
