"""Detections computed earlier, read from a file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.mot import frame_detections, read_detections
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame
from deepsort_reid.structures.mot_rows import MotRows


class PrecomputedDetections:
    """A detector that knows what was found: called frame by frame it answers for frames `start`,
    `start + every`, ...; `at(number)` answers for any frame of the video, counted from 1.

    `known` gives all detections of such a frame; those below `min_score` are left out.
    """

    def __init__(
        self, known: Callable[[int], Detections], *, min_score: float, start: int, every: int
    ) -> None:
        self._known = known
        self._min_score = min_score
        self._next = start
        self._every = every

    def __call__(self, frame: Frame | None = None) -> Detections:
        """The detections of the next frame; the picture itself is not looked at."""
        number = self._next
        self._next += self._every
        return self.at(number)

    def at(self, number: int) -> Detections:
        """The detections of frame `number`, counted from 1."""
        found = self._known(number)
        return found[found.score >= self._min_score]


class MotDetections(PrecomputedDetections):
    """Detections that somebody made before: rows of a det.txt, or the file itself.

    Raw scores are mapped by `normalize_scores`.
    """

    def __init__(
        self,
        rows: MotRows | Path | str,
        *,
        min_score: float = 0.0,
        start: int = 1,
        every: int = 1,
    ) -> None:
        rows = rows if isinstance(rows, MotRows) else read_detections(rows)
        score = normalize_scores(rows.score)
        self._rows = MotRows(rows.frame, rows.id, rows.xyxy, score, rows.class_id, rows.visibility)
        self._rows = self._rows[np.argsort(self._rows.frame, kind="stable")]
        super().__init__(self._of, min_score=min_score, start=start, every=every)

    def _of(self, number: int) -> Detections:
        first, last = np.searchsorted(self._rows.frame, [number, number + 1])
        return frame_detections(self._rows[slice(first, last)], number)


def normalize_scores(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map raw detector scores (N,) of one file to [0, 1]; scores inside [0, 1] stay as they are.

    The public detections of MOTChallenge come raw in two kinds: margins of DPM around 0 (MOT16,
    MOT17) and ACF's up to about 140 (MOT15). Both become the chance that a box is a person by a
    logistic curve; its two constants are those of a logistic regression on boxes that meet the
    ground truth at IoU 0.5 (the four MOT17-DPM and the three MOT15 sequences of the tests).
    """
    if not len(score) or (score.min() >= 0 and score.max() <= 1):
        return score
    centre, slope = (30.0, 1 / 16) if score.max() > 10 else (0.0, 2.4)
    return np.asarray(1 / (1 + np.exp(-slope * (score - centre))))
