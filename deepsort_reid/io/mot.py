"""MOTChallenge files <-> `MotRows`: ground truth, detections and results in one type.

One line is one box: `frame, id, left, top, width, height, score, ...`, frames and pixels counted
from 1 and box positions taken as they stand. What follows the score depends on the year: MOT16, 17
and 20 have class and visibility (9 columns), MOT15 has world coordinates x, y, z (10 columns).
"""

import os
from pathlib import Path

import numpy as np

from deepsort_reid.io.mot_text import Kind, has_class, read_table
from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows, _unchecked


def frame_detections(rows: MotRows, frame: int) -> Detections:
    """The boxes of one frame as the tracker takes them, in the order of the rows."""
    here = np.flatnonzero(rows.frame == frame)
    # 0 is what Detections has where nobody named a class.
    return Detections(rows.xyxy[here], rows.score[here], np.maximum(rows.class_id[here], 0))


def read_ground_truth(path: str | os.PathLike[str]) -> MotRows:
    """Read a gt.txt of MOT15, 16, 17 or 20; `score` holds the consider flag.

    Rows come sorted by frame (stable). Read with one meaning only: spaces around commas, columns
    split by blanks, Windows line ends, blank lines, `#` comments, a header line, 7.0 for 7.

    Raises:
        ValueError: a row that cannot be meant, with file and line: columns missing or differing,
            a frame below 1, an id that is no whole number or negative, the same id twice in a
            frame, width or height not positive, NaN or infinity, a consider flag that is a
            fraction (0 takes a box out, any other whole number keeps it); a header that names
            right and bottom, where MOT has width and height.
        OSError: the file cannot be read.
    """
    return _read(Path(path), "gt")


def read_results(path: str | os.PathLike[str]) -> MotRows:
    """Read a tracker's result file; tolerant and strict as `read_ground_truth` is."""
    return _read(Path(path), "result")


def read_detections(path: str | os.PathLike[str]) -> MotRows:
    """Read a det.txt (MOT15 to MOT20, or any 7 columns); `id` is -1, `score` is as it stands.

    Tolerant and strict as `read_ground_truth` is; the id column is not looked at.
    """
    return _read(Path(path), "det")


def _read(path: Path, kind: Kind) -> MotRows:
    table = read_table(path, kind)
    n, n_columns = table.shape
    visibility = table[:, 8].copy() if n_columns == 9 else np.full(n, np.nan)
    visibility[visibility < 0] = np.nan
    return _unchecked(
        table[:, 0].astype(np.int64),
        np.full(n, -1) if kind == "det" else table[:, 1].astype(np.int64),
        boxes.tlwh_to_xyxy(table[:, 2:6]),
        table[:, 6].copy() if n_columns > 6 else np.ones(n),
        table[:, 7].astype(np.int64) if has_class(table) else np.full(n, -1),
        visibility,
    )


def write_rows(path: str | os.PathLike[str], rows: MotRows, kind: Kind) -> None:
    """Write a gt (9 columns), det or result file (10 columns), in the order of the rows.

    The file appears whole or not at all. Numbers keep ten significant digits.
    """
    path = Path(path)
    unfinished = path.with_name(path.name + ".part")
    tlwh = boxes.xyxy_to_tlwh(rows.xyxy)
    head = np.column_stack([rows.frame, np.full(len(rows), -1) if kind == "det" else rows.id])
    tail = np.full((len(rows), 3), -1.0)
    if kind == "gt":
        tail = np.column_stack([rows.class_id, np.nan_to_num(rows.visibility, nan=-1)])
    table = np.column_stack([head, tlwh, rows.score, tail])
    try:
        with unfinished.open("w", encoding="utf-8", newline="\n") as file:
            np.savetxt(file, table, fmt="%.10g", delimiter=",")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
