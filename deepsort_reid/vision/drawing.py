"""Boxes, ids and trails on a copy of a frame."""

import colorsys
from collections import deque
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.frame import Frame, check_frame
from deepsort_reid.structures.tracks import State, Tracks

Colour = tuple[int, int, int]  # blue, green, red
Trail = Sequence[tuple[float, float]]  # where the feet were, oldest first

GREY: Colour = (160, 160, 160)
DARK: Colour = (24, 24, 24)
LIGHT: Colour = (250, 250, 250)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


class Drawer:
    """Draws frame after frame and remembers where everybody walked.

        drawer = Drawer()
        picture = drawer(frame, tracks)

    trail: how many frames a trail reaches back, 0 for none. Who was not seen for so long is
    forgotten, so memory is bounded by who was there lately.
    """

    def __init__(self, *, trail: int = 50) -> None:
        if trail < 0:
            raise ValueError(f"trail: expected 0 or more frames, got {trail}")
        self._length = trail
        self._frames = 0
        self._trails: dict[int, deque[tuple[int, float, float]]] = {}

    def __call__(self, frame: Frame, tracks: Tracks, *, camera: ArrayLike | None = None) -> Frame:
        """A copy of the BGR uint8 frame (H, W, 3) with the tracks of this frame drawn on it.

        camera: warp (2, 3) from the previous to this frame; trails move with it.
        """
        frame = check_frame(frame)
        self._frames += 1
        if camera is not None:
            self._move(np.asarray(camera, dtype=np.float64))
        self._remember(tracks)
        trails = {
            identity: [(x, y) for _, x, y in points] for identity, points in self._trails.items()
        }
        return draw_tracks(frame, tracks, trails)

    def _remember(self, tracks: Tracks) -> None:
        seen = tracks[(tracks.id > 0) & (tracks.misses == 0)]
        feet = _feet(seen.xyxy).tolist()
        for identity, (x, y) in zip(seen.id.tolist(), feet, strict=True):
            self._trails.setdefault(identity, deque()).append((self._frames, x, y))
        oldest = self._frames - self._length
        for identity in list(self._trails):
            points = self._trails[identity]
            while points and points[0][0] <= oldest:
                points.popleft()
            if not points:
                del self._trails[identity]

    def _move(self, warp: NDArray[np.float64]) -> None:
        if warp.shape != (2, 3) or not np.isfinite(warp).all():
            raise ValueError(f"camera: expected a finite warp of shape (2, 3), got {warp.shape}")
        for points in self._trails.values():
            for k, (number, x, y) in enumerate(points):
                moved = warp @ (x, y, 1.0)
                points[k] = (number, float(moved[0]), float(moved[1]))


def draw_tracks(frame: Frame, tracks: Tracks, trails: Mapping[int, Trail] | None = None) -> Frame:
    """A copy of the BGR uint8 frame (H, W, 3) with boxes, ids and the given trails.

    Matched tracks get a full box, coasting ones their corners only, tentative ones a thin grey
    box without an id. Lines and letters grow with the frame.
    """
    picture = check_frame(frame).copy()
    thick = line_width(picture)
    for identity, trail in (trails or {}).items():
        _draw_trail(picture, trail, colour_of(identity), thick)
    # The nearest person last, so that whoever stands in front is drawn in front.
    for row in np.argsort(tracks.xyxy[:, 3], kind="stable").tolist():
        left, top, right, bottom = _pixels(tracks.xyxy[row], picture)
        if right <= 0 or bottom <= 0 or left >= picture.shape[1] or top >= picture.shape[0]:
            continue
        if tracks.state[row] == State.TENTATIVE:
            cv2.rectangle(picture, (left, top), (right, bottom), GREY, max(thick // 2, 1))
            continue
        colour = colour_of(int(tracks.id[row]))
        draw = _draw_corners if tracks.state[row] == State.COASTING else _draw_box
        draw(picture, (left, top, right, bottom), DARK, thick + 2)
        draw(picture, (left, top, right, bottom), colour, thick)
        draw_label(picture, str(int(tracks.id[row])), (left, top), colour)
    return picture


def colour_of(identity: int) -> Colour:
    """The colour of an identity: always the same, neighbours far apart.

    Hues step by the golden ratio, which spreads any number of them evenly; shade changes slower.
    """
    hue = (0.08 + identity * 0.6180339887498949) % 1.0
    saturation, value = ((0.85, 1.0), (0.55, 1.0), (0.9, 0.8))[identity // 3 % 3]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(255 * blue), round(255 * green), round(255 * red)


def line_width(frame: Frame) -> int:
    """Pixels of a line that is visible and not coarse: 2 up to 576 rows, 3 at 1080."""
    rows = int(min(frame.shape[:2]))
    return max(round(rows / 360), 1 if rows < 240 else 2)


def draw_label(picture: Frame, text: str, corner: tuple[int, int], colour: Colour) -> None:
    """Write text into `picture` on a plate of `colour` above a corner (x, y), inside the frame."""
    height, width = picture.shape[:2]
    scale = max(min(height, width) / 1080 * 0.85, 0.42)
    weight = max(round(scale * 2), 1)
    (wide, high), base = cv2.getTextSize(text, _FONT, scale, weight)
    pad = max(round(scale * 6), 2)
    plate_width, plate_height = wide + 2 * pad, high + base // 2 + 2 * pad
    left = min(max(corner[0] - line_width(picture) // 2, 0), max(width - plate_width, 0))
    top = corner[1] - plate_height if corner[1] >= plate_height else corner[1]
    top = min(max(top, 0), max(height - plate_height, 0))
    cv2.rectangle(
        picture, (left, top), (left + plate_width - 1, top + plate_height - 1), colour, cv2.FILLED
    )
    brightness = 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2]
    ink = DARK if brightness > 130 else LIGHT
    place = (left + pad, top + pad + high)
    cv2.putText(picture, text, place, _FONT, scale, ink, weight, cv2.LINE_AA)


def _draw_box(picture: Frame, box: tuple[int, int, int, int], colour: Colour, thick: int) -> None:
    cv2.rectangle(picture, box[:2], box[2:], colour, thick)


def _draw_corners(
    picture: Frame, box: tuple[int, int, int, int], colour: Colour, thick: int
) -> None:
    left, top, right, bottom = box
    reach = max(min(right - left, bottom - top) // 4, thick)
    for x, inward in ((left, reach), (right, -reach)):
        for y, down in ((top, reach), (bottom, -reach)):
            corner = np.array([[x + inward, y], [x, y], [x, y + down]], dtype=np.int32)
            cv2.polylines(picture, [corner], False, colour, thick)


def _draw_trail(picture: Frame, trail: Trail, colour: Colour, thick: int) -> None:
    """A line that is thick where the person is now and thin where they were long ago."""
    if len(trail) < 2:
        return
    reach = 4 * max(picture.shape[:2])  # further out, coordinates would overflow
    points = np.clip(np.array(trail, dtype=np.float64), -reach, reach)
    fixed = np.rint(points * 8).astype(np.int32)  # eighths of a pixel: smooth, slow walkers
    parts = np.array_split(np.arange(len(fixed) - 1), min(4, len(fixed) - 1))
    lines = [[fixed[part[0] : part[-1] + 2]] for part in parts]
    widths = [max(round(thick * age / len(parts)), 1) for age in range(1, len(parts) + 1)]
    for line, width in zip(lines, widths, strict=True):
        if width > 1:  # the far end fades out without a dark rim
            cv2.polylines(picture, line, False, DARK, width + 2, cv2.LINE_AA, 3)
    for line, width in zip(lines, widths, strict=True):
        cv2.polylines(picture, line, False, colour, width, cv2.LINE_AA, 3)


def _feet(xyxy: boxes.Boxes) -> NDArray[np.float64]:
    return np.stack([(xyxy[:, 0] + xyxy[:, 2]) / 2, xyxy[:, 3]], axis=1)


def _pixels(box: NDArray[np.float64], picture: Frame) -> tuple[int, int, int, int]:
    """Whole pixels, at most a frame outside: beyond, OpenCV's coordinates overflow."""
    height, width = picture.shape[:2]
    low, high = (-width, -height), (2 * width, 2 * height)
    left, top, right, bottom = np.clip(np.rint(box), [*low, *low], [*high, *high]).tolist()
    return int(left), int(top), int(right), int(bottom)
