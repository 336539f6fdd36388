"""Detectors that return detections computed earlier, from a MOT text file or an .npz file."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.detections_npz import read_detections_npz
from deepsort_reid.io.mot import frame_detections, read_detections
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.vision.detectors.class_names import select_classes


class PrecomputedDetections:
    """A detector that looks detections up by frame number.

    Successive calls return the detections of frames start, start + every, ...; `at` returns those
    of any frame. Frames count from 1.

    Args:
        lookup: returns all detections of a frame number.
        min_score: detections with a lower score are dropped.
        start, every: frame numbers of the successive calls.
        classes: class numbers to keep; None for all.
    """

    def __init__(
        self,
        lookup: Callable[[int], Detections],
        *,
        min_score: float,
        start: int,
        every: int,
        classes: Sequence[int | str] | None,
    ) -> None:
        self._lookup = lookup
        self._min_score = min_score
        self._classes = select_classes(classes, {})
        self._next = start
        self._every = every

    def __call__(self, frame: Frame | None = None) -> Detections:
        """Return the detections of the next frame; the image is ignored."""
        number = self._next
        self._next += self._every
        return self.at(number)

    def state_dict(self) -> dict[str, int]:
        """The number of the next frame, for `load_state_dict`."""
        return {"next": self._next}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue with the frame that was the next one at `state_dict`."""
        self._next = state["next"]

    def at(self, number: int) -> Detections:
        """Return the detections of frame `number`, counted from 1."""
        found = self._lookup(number)
        kept = found.score >= self._min_score
        return found[
            kept if self._classes is None else kept & np.isin(found.class_id, self._classes)
        ]


class MotDetections(PrecomputedDetections):
    """Detections from a MOT det.txt, or from its rows; scores pass through `normalize_scores`.

    Raises OSError or ValueError as `io.mot.read_detections` does.
    """

    def __init__(
        self,
        rows: MotRows | Path | str,
        *,
        min_score: float = 0.0,
        start: int = 1,
        every: int = 1,
        classes: Sequence[int | str] | None = None,
    ) -> None:
        rows = rows if isinstance(rows, MotRows) else read_detections(rows)
        score = normalize_scores(rows.score)
        self._rows = MotRows(rows.frame, rows.id, rows.xyxy, score, rows.class_id, rows.visibility)
        self._rows = self._rows[np.argsort(self._rows.frame, kind="stable")]
        super().__init__(
            self._in_frame, min_score=min_score, start=start, every=every, classes=classes
        )

    def _in_frame(self, number: int) -> Detections:
        first, last = np.searchsorted(self._rows.frame, [number, number + 1])
        return frame_detections(self._rows[slice(first, last)], number)


class NpzDetections(PrecomputedDetections):
    """Detections, with embeddings where stored, from an .npz file; see `io.detections_npz`."""

    def __init__(
        self,
        path: Path,
        *,
        min_score: float = 0.0,
        start: int = 1,
        every: int = 1,
        classes: Sequence[int | str] | None = None,
    ) -> None:
        self._frames = read_detections_npz(path, None).frames
        super().__init__(
            self._in_frame, min_score=min_score, start=start, every=every, classes=classes
        )

    def _in_frame(self, number: int) -> Detections:
        is_stored = 1 <= number <= len(self._frames)
        return self._frames[number - 1] if is_stored else Detections.empty()


def normalize_scores(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map the raw detector scores (N,) of one file to [0, 1]; scores within [0, 1] are unchanged.

    The public detections of MOTChallenge have two kinds of raw scores: margins of DPM around 0
    (MOT16, MOT17), and ACF scores up to about 140 (MOT15). A logistic function maps both to the
    probability that a box is a person. Its two constants come from a logistic regression on
    whether a box matches the ground truth at IoU 0.5, on the four MOT17-DPM and three MOT15
    sequences of the tests.
    """
    if not len(score) or (score.min() >= 0 and score.max() <= 1):
        return score
    centre, slope = (30.0, 1 / 16) if score.max() > 10 else (0.0, 2.4)
    return np.asarray(1 / (1 + np.exp(-slope * (score - centre))))
