"""Review of tracks by a person: look at the result of a run, correct it, export it."""

from deepsort_reid.review.crops import CropRef
from deepsort_reid.review.doubts import Doubt
from deepsort_reid.review.edits import (
    Confirm,
    Delete,
    Edit,
    MarkDifferent,
    MarkSame,
    MergePersons,
    Move,
    Rename,
    SplitTrack,
    edit_from_dict,
    edit_to_dict,
)
from deepsort_reid.review.run_folder import RunInfo, is_run_folder
from deepsort_reid.review.session import Review
from deepsort_reid.review.views import Boxes, Person, Piece

__all__ = [
    "Boxes",
    "Confirm",
    "CropRef",
    "Delete",
    "Doubt",
    "Edit",
    "MarkDifferent",
    "MarkSame",
    "MergePersons",
    "Move",
    "Person",
    "Piece",
    "Rename",
    "Review",
    "RunInfo",
    "SplitTrack",
    "edit_from_dict",
    "edit_to_dict",
    "is_run_folder",
]
