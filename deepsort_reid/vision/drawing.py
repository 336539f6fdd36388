"""Drawing of boxes, ids and trails on a copy of a frame."""

import unicodedata
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.class_names import class_names_of
from deepsort_reid.structures.colours import id_colour
from deepsort_reid.structures.frame import Frame, check_frame
from deepsort_reid.structures.tracks import State, Tracks

Colour = tuple[int, int, int]  # blue, green, red
PixelBox = tuple[int, int, int, int]  # left, top, right, bottom
Trail = Sequence[tuple[float, float]]  # bottom centres of the boxes of a track, oldest first

GREY: Colour = (160, 160, 160)
DARK: Colour = (24, 24, 24)
LIGHT: Colour = (250, 250, 250)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_MAX_LABEL = 40  # characters


class Drawer:
    """Draws the tracks of successive frames, each with the trail of its past positions.

        drawer = Drawer()
        image = drawer(frame, tracks)

    Args:
        trail: length of a trail in frames; 0 for none. A track without a detection for this long
            is dropped from memory.
        person_ids: label tracks with their `person_id`, which sets the colour, too; otherwise with
            their `id`.
        person_name: name of a person by number, None where there is none; it is drawn instead of
            the `person_id`: `{3: "Anna"}.get`, for example.
        class_names: begin labels with the name of the class, where the tracks have one.
    """

    def __init__(
        self,
        *,
        trail: int = 50,
        person_ids: bool = True,
        person_name: Callable[[int], str | None] | None = None,
        class_names: bool = True,
    ) -> None:
        if trail < 0:
            raise ValueError(f"trail: expected 0 or more frames, got {trail}")
        self._length = trail
        self._person_ids = person_ids
        self._person_name = person_name if person_ids else None
        self._class_names = class_names
        self._labels: dict[int, int] = {}  # id -> number that is shown, of those with a trail
        self._frames = 0
        self._trails: dict[int, deque[tuple[int, float, float]]] = {}  # id -> (frame, x, y)

    def __call__(self, frame: Frame, tracks: Tracks, *, camera: ArrayLike | None = None) -> Frame:
        """Return a copy of the BGR uint8 frame (H, W, 3) with its tracks drawn on it.

        camera: warp (2, 3) from the previous frame to this one, applied to the trails.

        Raises ValueError for another kind of frame or warp.
        """
        frame = check_frame(frame)
        self._frames += 1
        if camera is not None:
            self._warp_trails(np.asarray(camera, dtype=np.float64))
        self._extend_trails(tracks)
        trails = {
            track_id: [(x, y) for _, x, y in points] for track_id, points in self._trails.items()
        }
        shown = tracks.person_id if self._person_ids else tracks.id
        self._labels |= dict(zip(tracks.id.tolist(), shown.tolist(), strict=True))
        image = draw_tracks(
            frame,
            tracks,
            trails,
            self._labels,
            person_name=self._person_name,
            class_names=self._class_names,
        )
        self._labels = {id: label for id, label in self._labels.items() if id in self._trails}
        return image

    def _extend_trails(self, tracks: Tracks) -> None:
        """Append the positions of matched tracks; drop positions older than the trail length."""
        matched = tracks[(tracks.id > 0) & (tracks.misses == 0)]
        points = _bottom_centres(matched.xyxy).tolist()
        for track_id, (x, y) in zip(matched.id.tolist(), points, strict=True):
            self._trails.setdefault(track_id, deque()).append((self._frames, x, y))
        oldest = self._frames - self._length
        for track_id in list(self._trails):
            trail = self._trails[track_id]
            while trail and trail[0][0] <= oldest:
                trail.popleft()
            if not trail:
                del self._trails[track_id]

    def _warp_trails(self, warp: NDArray[np.float64]) -> None:
        if warp.shape != (2, 3) or not np.isfinite(warp).all():
            raise ValueError(f"camera: expected a finite warp of shape (2, 3), got {warp.shape}")
        for trail in self._trails.values():
            for k, (number, x, y) in enumerate(trail):
                moved = warp @ (x, y, 1.0)
                trail[k] = (number, float(moved[0]), float(moved[1]))


def draw_tracks(
    frame: Frame,
    tracks: Tracks,
    trails: Mapping[int, Trail] | None = None,
    labels: Mapping[int, int] | None = None,
    *,
    person_name: Callable[[int], str | None] | None = None,
    class_names: bool = True,
) -> Frame:
    """Return a copy of the BGR uint8 frame (H, W, 3) with boxes, labels and the given trails.

    Trails and labels are by the id of the track. A label is a number that sets the colour, too;
    the `person_id` when not given. `person_name` and `class_names` are as in `Drawer`.

    A matched track gets a full box, a coasting track the corners of its box, a tentative track a
    thin grey box without an id. Line width and text size grow with the frame.
    """
    image = check_frame(frame).copy()
    thickness = line_width(image)
    persons = dict(zip(tracks.id.tolist(), tracks.person_id.tolist(), strict=True))
    number_of = {**persons, **(labels or {})}
    classes = class_names_of(tracks) if class_names else [""] * len(tracks)
    for track_id, trail in (trails or {}).items():
        colour = id_colour_bgr(number_of.get(track_id, track_id))
        _draw_trail(image, trail, colour, thickness)
    # By the bottom edge: boxes nearer to the camera are drawn over those behind them.
    for row in np.argsort(tracks.xyxy[:, 3], kind="stable").tolist():
        left, top, right, bottom = _pixel_box(tracks.xyxy[row], image)
        if right <= 0 or bottom <= 0 or left >= image.shape[1] or top >= image.shape[0]:
            continue
        if tracks.state[row] == State.TENTATIVE:
            cv2.rectangle(image, (left, top), (right, bottom), GREY, max(thickness // 2, 1))
            continue
        number = number_of[int(tracks.id[row])]
        colour = id_colour_bgr(number)
        draw = _draw_corners if tracks.state[row] == State.COASTING else _draw_box
        draw(image, (left, top, right, bottom), DARK, thickness + 2)
        draw(image, (left, top, right, bottom), colour, thickness)
        name = person_name(number) if person_name is not None else None
        draw_label(image, f"{classes[row]} {name or number}".strip(), (left, top), colour)
    return image


def id_colour_bgr(track_id: int) -> Colour:
    """Return the colour of an id as (blue, green, red); see `id_colour`."""
    red, green, blue = id_colour(track_id)
    return blue, green, red


def line_width(frame: Frame) -> int:
    """Return a line width in pixels suited to the frame: 2 up to 576 rows, 3 at 1080."""
    rows = int(min(frame.shape[:2]))
    return max(round(rows / 360), 1 if rows < 240 else 2)


def draw_label(image: Frame, text: str, corner: tuple[int, int], colour: Colour) -> None:
    """Draw text on a filled rectangle above a corner (x, y), moved to lie inside the image.

    The font has ASCII alone: accents are left out, and "?" stands for other characters.
    """
    text = unicodedata.normalize("NFKD", text[:_MAX_LABEL])
    text = "".join(each for each in text if not unicodedata.combining(each))
    text = "".join(each if " " <= each <= "~" else "?" for each in text)
    height, width = image.shape[:2]
    scale = max(min(height, width) / 1080 * 0.85, 0.42)
    weight = max(round(scale * 2), 1)
    (text_width, text_height), baseline = cv2.getTextSize(text, _FONT, scale, weight)
    padding = max(round(scale * 6), 2)
    label_width = text_width + 2 * padding
    label_height = text_height + baseline // 2 + 2 * padding
    left = min(max(corner[0] - line_width(image) // 2, 0), max(width - label_width, 0))
    top = corner[1] - label_height if corner[1] >= label_height else corner[1]
    top = min(max(top, 0), max(height - label_height, 0))
    cv2.rectangle(
        image, (left, top), (left + label_width - 1, top + label_height - 1), colour, cv2.FILLED
    )
    luminance = 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2]
    text_colour = DARK if luminance > 130 else LIGHT
    origin = (left + padding, top + padding + text_height)
    cv2.putText(image, text, origin, _FONT, scale, text_colour, weight, cv2.LINE_AA)


def _draw_box(image: Frame, box: PixelBox, colour: Colour, thickness: int) -> None:
    cv2.rectangle(image, box[:2], box[2:], colour, thickness)


def _draw_corners(image: Frame, box: PixelBox, colour: Colour, thickness: int) -> None:
    left, top, right, bottom = box
    length = max(min(right - left, bottom - top) // 4, thickness)
    for x, dx in ((left, length), (right, -length)):
        for y, dy in ((top, length), (bottom, -length)):
            corner = np.array([[x + dx, y], [x, y], [x, y + dy]], dtype=np.int32)
            cv2.polylines(image, [corner], False, colour, thickness)


def _draw_trail(image: Frame, trail: Trail, colour: Colour, thickness: int) -> None:
    """Draw a line that is thick at the current position and thin at the oldest one."""
    if len(trail) < 2:
        return
    limit = 4 * max(image.shape[:2])  # OpenCV's integer coordinates overflow far outside
    points = np.clip(np.array(trail, dtype=np.float64), -limit, limit)
    fixed = np.rint(points * 8).astype(np.int32)  # fixed point, 3 fractional bits: sub-pixel lines
    parts = np.array_split(np.arange(len(fixed) - 1), min(4, len(fixed) - 1))
    lines = [[fixed[part[0] : part[-1] + 2]] for part in parts]
    widths = [max(round(thickness * age / len(parts)), 1) for age in range(1, len(parts) + 1)]
    for line, width in zip(lines, widths, strict=True):
        if width > 1:  # the thin, oldest part has no dark outline
            cv2.polylines(image, line, False, DARK, width + 2, cv2.LINE_AA, 3)
    for line, width in zip(lines, widths, strict=True):
        cv2.polylines(image, line, False, colour, width, cv2.LINE_AA, 3)


def _bottom_centres(xyxy: boxes.Boxes) -> NDArray[np.float64]:
    """Middle of the bottom edge of boxes (N, 4) -> (N, 2)."""
    return np.stack([(xyxy[:, 0] + xyxy[:, 2]) / 2, xyxy[:, 3]], axis=1)


def _pixel_box(box: NDArray[np.float64], image: Frame) -> PixelBox:
    """Round a box (4,) to whole pixels, clipped to one frame size outside the image.

    OpenCV's integer coordinates overflow further outside.
    """
    height, width = image.shape[:2]
    low, high = (-width, -height), (2 * width, 2 * height)
    left, top, right, bottom = np.clip(np.rint(box), [*low, *low], [*high, *high]).tolist()
    return int(left), int(top), int(right), int(bottom)
