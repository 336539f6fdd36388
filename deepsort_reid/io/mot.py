"""MOTChallenge text files to and from `MotRows`: ground truth, detections and results.

One line is one box: `frame, id, left, top, width, height, score, ...`. Frames and pixels count
from 1; box positions are taken as they are. The columns after the score depend on the year:
MOT16, 17 and 20 have class and visibility (9 columns), MOT15 has world coordinates x, y, z (10).
"""

import os
from pathlib import Path
from typing import BinaryIO

import numpy as np

from deepsort_reid.io.atomic import open_atomically
from deepsort_reid.io.mot_text import Kind, has_class, read_table
from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows, unchecked_rows


def frame_detections(rows: MotRows, frame: int) -> Detections:
    """Return the boxes of one frame as detections, in the order of the rows."""
    selected = np.flatnonzero(rows.frame == frame)
    # An unknown class is -1 in MotRows and 0 in Detections.
    class_id = np.maximum(rows.class_id[selected], 0)
    return Detections(rows.xyxy[selected], rows.score[selected], class_id)


def read_ground_truth(path: str | os.PathLike[str]) -> MotRows:
    """Read a gt.txt of MOT15, 16, 17 or 20; `score` holds the consider flag.

    Rows are returned sorted by frame (stable). Accepted variations: spaces around commas, columns
    separated by blanks, Windows line ends, blank lines, `#` comments, a header line, 7.0 for 7.

    Raises:
        ValueError: an invalid line, named with file and line number: missing or differing
            columns, a frame below 1, an id that is negative or not whole, the same id twice in a
            frame, width or height not positive, NaN or infinity, a fractional consider flag (0
            excludes a box, any other whole number keeps it), or a header that names right and
            bottom, where MOT has width and height.
        OSError: the file cannot be read.
    """
    return _read(Path(path), "gt")


def read_results(path: str | os.PathLike[str]) -> MotRows:
    """Read a tracker's result file; accepts and rejects what `read_ground_truth` does."""
    return _read(Path(path), "result")


def read_detections(path: str | os.PathLike[str]) -> MotRows:
    """Read a det.txt (MOT15 to MOT20, or any 7 columns); `id` is -1, `score` is unchanged.

    Accepts and rejects what `read_ground_truth` does; the id column is ignored.
    """
    return _read(Path(path), "det")


def write_rows(path: str | os.PathLike[str], rows: MotRows, kind: Kind) -> None:
    """Write a gt (9 columns), det or result file (10 columns), in the order of the rows.

    The file is written atomically. Numbers have ten significant digits. Raises OSError that names
    the file when it cannot be written.
    """
    with open_atomically(Path(path)) as file:
        save_rows(file, rows, kind)


def save_rows(file: BinaryIO, rows: MotRows, kind: Kind) -> None:
    """Write the rows to an open file, as `write_rows` does."""
    tlwh = boxes.xyxy_to_tlwh(rows.xyxy)
    head = np.column_stack([rows.frame, np.full(len(rows), -1) if kind == "det" else rows.id])
    tail = np.full((len(rows), 3), -1.0)
    if kind == "gt":
        tail = np.column_stack([rows.class_id, np.nan_to_num(rows.visibility, nan=-1)])
    table = np.column_stack([head, tlwh, rows.score, tail])
    np.savetxt(file, table, fmt="%.10g", delimiter=",")


def _read(path: Path, kind: Kind) -> MotRows:
    table = read_table(path, kind)
    n, n_columns = table.shape
    visibility = table[:, 8].copy() if n_columns == 9 else np.full(n, np.nan)
    visibility[visibility < 0] = np.nan
    return unchecked_rows(
        table[:, 0].astype(np.int64),
        np.full(n, -1) if kind == "det" else table[:, 1].astype(np.int64),
        boxes.tlwh_to_xyxy(table[:, 2:6]),
        table[:, 6].copy() if n_columns > 6 else np.ones(n),
        table[:, 7].astype(np.int64) if has_class(table) else np.full(n, -1),
        visibility,
    )
