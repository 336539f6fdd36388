"""Small labelled sequence for tests: persons are coloured rectangles on grey."""

import cv2
import numpy as np

from deepsort_reid.io.mot import write_rows
from deepsort_reid.structures import boxes
from deepsort_reid.structures.mot_rows import MotRows

WIDTH, HEIGHT, FRAMES = 160, 90, 12
COLOURS = {1: (230, 60, 40), 2: (40, 200, 60), 3: (60, 80, 220)}  # BGR


def truth():
    """Labels: persons 1 and 2 are in all frames, far apart; person 3 appears in frame 5."""
    rows = []
    for frame in range(1, FRAMES + 1):
        rows.append((frame, 1, 10 + 2 * frame, 20, 16, 40))
        rows.append((frame, 2, 110 - 2 * frame, 30, 16, 40))
        if frame >= 5:
            rows.append((frame, 3, 130, 40, 20, 44))
    table = np.array(rows, float)
    return MotRows(
        table[:, 0], table[:, 1], boxes.tlwh_to_xyxy(table[:, 2:]), class_id=np.ones(len(table))
    )


def frames():
    """Yield (number, BGR frame); persons fill their boxes."""
    rows = truth()
    for number in range(1, FRAMES + 1):
        frame = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
        here = rows[rows.frame == number]
        for person, (left, top, right, bottom) in zip(
            here.id.tolist(), here.xyxy.astype(int).tolist(), strict=True
        ):
            frame[top:bottom, left:right] = COLOURS[person]
        yield number, frame


def write_sequence(folder, rows=None):
    """Write a MOT sequence folder with img1/, gt/gt.txt and det/det.txt."""
    rows = truth() if rows is None else rows
    for name in ("img1", "gt", "det"):
        (folder / name).mkdir(parents=True)
    for number, frame in frames():
        (folder / "img1" / f"{number:06d}.png").write_bytes(cv2.imencode(".png", frame)[1])
    write_rows(folder / "gt" / "gt.txt", rows, "gt")
    write_rows(folder / "det" / "det.txt", rows, "det")
    return folder
