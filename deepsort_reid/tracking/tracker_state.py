"""What the state of a `DeepSort` is: the one list for snapshots, `state_dict` and files."""

from typing import ClassVar

from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.event import Event
from deepsort_reid.tracking.association import PairScores
from deepsort_reid.tracking.extras.explain import FrameDecision, ReportedTrack
from deepsort_reid.tracking.extras.id_assignment import IdAssignment
from deepsort_reid.tracking.saved_state import SavedState


class DeepSortState(SavedState):
    """Base class of `DeepSort`: which of its attributes are its state, and which its settings."""

    OBJECTS = (
        *("_table", "_galleries", "_galleries.calibration", "_id_assigner"),
        *("_persons", "_persons.track_events"),
        *("_box_smoother", "_image_border", "_image_border._left", "_image_border._right"),
        "decision_log",
    )
    ARGUMENTS: ClassVar = {
        "config": "_config",
        "association": "association",
        "motion": "_motion_model",
        "appearance": "_appearance",
        "camera": "_camera",
        "explain": "_keep_decisions",
    }
    NOT_STATE = frozenset(
        {
            *("_embedder", "_given_registry", "_before_update"),
            *ARGUMENTS.values(),
        }
    )
    PARTS = ("_persons",)
    RECORDS = (Detections, Event, FrameDecision, IdAssignment, PairScores, ReportedTrack)
