"""Rows that the tests of several modules make."""

import numpy as np

from deepsort_reid.structures.mot_rows import MotRows


def rows_of(frame, id=None, xyxy=None, **columns):
    """Return rows of these frames; by default ids count from 1 and all boxes are equal."""
    n = len(frame)
    return MotRows(
        np.asarray(frame),
        np.arange(1, n + 1) if id is None else np.asarray(id),
        np.tile([10.0, 20.0, 40.0, 80.0], (n, 1)) if xyxy is None else np.asarray(xyxy),
        **columns,
    )
