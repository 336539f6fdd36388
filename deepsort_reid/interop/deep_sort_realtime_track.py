"""The tracks of `interop.deep_sort_realtime`."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes

Box = NDArray[np.float64]


class Entry(NamedTuple):
    """What was given for a detection, beside its box."""

    score: float | None
    name: Any
    others: Any
    instance_mask: Any
    feature: Any


class TrackState:
    """Values of `Track.state`."""

    Tentative, Confirmed, Deleted = 1, 2, 3


class Track:
    """One track; the same object from its first to its last update.

    Attributes:
        track_id: text, of a confirmed track: its id, after the date with `today`.
        state: a value of `TrackState`.
        person_id: who it is, as `Tracks.person_id`.
        hits: updates in which it was matched.
        age: frames since it began.
        time_since_update: frames since it was last matched, 0 if in this one.
        det_class: class of its last detection, as it was given.
        det_conf, others, instance_mask, original_ltwh: of its detection, None while unmatched.
        ltrb: box (4,) of the Kalman filter.
        feature: last embedding (D,), as it was given; None without one.
    """

    def __init__(self, track_id: str) -> None:
        self.track_id = track_id
        self.person_id = 0
        self.state = TrackState.Tentative
        self.hits = self.age = self.time_since_update = 0
        self.det_class: Any = None
        self.det_conf: float | None = None
        self.others: Any = None
        self.instance_mask: Any = None
        self.original_ltwh: Box | None = None
        self.ltrb: Box = np.zeros(4)
        self.feature: NDArray[Any] | None = None

    def set_detection(self, entry: Entry | None, xyxy: tuple[float, ...] | None) -> None:
        """Set what was given for the matched detection and its box (4,), None for none."""
        if entry is not None:
            self.det_class = entry.name
            self.feature = self.feature if entry.feature is None else entry.feature
        self.det_conf = None if entry is None else entry.score
        self.others = None if entry is None else entry.others
        self.instance_mask = None if entry is None else entry.instance_mask
        self.original_ltwh = None if xyxy is None else boxes.xyxy_to_tlwh(np.array([xyxy]))[0]

    def is_tentative(self) -> bool:
        """Whether it was matched in fewer than `n_init` frames."""
        return self.state == TrackState.Tentative

    def is_confirmed(self) -> bool:
        """Whether it was matched in `n_init` frames, and has not ended."""
        return self.state == TrackState.Confirmed

    def is_deleted(self) -> bool:
        """Whether it has ended."""
        return self.state == TrackState.Deleted

    def to_ltrb(self, orig: bool = False, orig_strict: bool = False) -> Box | None:
        """Left, top, right, bottom (4,) in pixels.

        Args:
            orig: of the detection where it is matched, otherwise of the Kalman filter.
            orig_strict: with `orig`, None where it is not matched.
        """
        box = self.to_ltwh(orig, orig_strict)
        return None if box is None else np.asarray(boxes.tlwh_to_xyxy(box[None])[0])

    def to_ltwh(self, orig: bool = False, orig_strict: bool = False) -> Box | None:
        """Left, top, width, height (4,) in pixels; arguments as of `to_ltrb`."""
        if orig and self.original_ltwh is not None:
            return self.original_ltwh.copy()
        if orig and orig_strict:
            return None
        return np.asarray(boxes.xyxy_to_tlwh(self.ltrb[None])[0])

    to_tlbr, to_tlwh = to_ltrb, to_ltwh

    def get_det_class(self) -> Any:
        """Class of its last detection, as it was given."""
        return self.det_class

    def get_det_conf(self) -> float | None:
        """Score of its detection, None while it is not matched."""
        return self.det_conf

    def get_det_supplementary(self) -> Any:
        """Entry of `others` of its detection, None while it is not matched."""
        return self.others

    def get_instance_mask(self) -> Any:
        """Instance mask of its detection, None while it is not matched."""
        return self.instance_mask

    def get_feature(self) -> NDArray[Any] | None:
        """The last embedding (D,), as it was given; None without one."""
        return self.feature
