"""People in front of a static camera, found by what changes; needs no weights."""

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame, check_frame

Mask = NDArray[np.uint8]  # (h, w): 1 where something moves

# Width over height. In a group people hide each other's arms and legs: the narrow box splits best.
NARROW, LEANEST, WIDEST = 0.36, 0.12, 1.3


class BackgroundSubtraction:
    """Detects what moves in front of a static camera, in blobs the size of people.

    A mixture of Gaussians per pixel (Zivkovic and van der Heijden 2006, OpenCV's MOG2) tells
    foreground from background and shadow; frames are first brought into the light of the
    background, so that clouds and auto exposure are no movement. How high a person stands at
    which row of the picture is learned on the way from single blobs; with it torn blobs are
    joined and groups are split. One instance watches one video.

    min_score: blobs below are left out; the score falls with holes and with an unlikely height.
    warm_up: frames at the start in which nothing is reported, because everything is new.
    height: larger frames are shrunk to so many rows before they are looked at.
    """

    def __init__(self, *, min_score: float = 0.1, warm_up: int = 2, height: int = 480) -> None:
        if not 0 <= min_score <= 1:
            raise ValueError(f"min_score: expected a number from 0 to 1, got {min_score}")
        if height < 32:
            raise ValueError(f"height: expected at least 32 rows, got {height}")
        self._min_score = min_score
        self._warm_up = warm_up
        self._height = height
        self._model = cv2.createBackgroundSubtractorMOG2(
            history=500, varThreshold=20, detectShadows=True
        )
        self._stature = _Stature()
        self._shape: tuple[int, ...] | None = None
        self._frames = 0

    def __call__(self, frame: Frame) -> Detections:
        """Detect in the next BGR uint8 frame (H, W, 3) of the video.

        Raises ValueError for another kind of array and for a frame of another size.
        """
        frame = check_frame(frame)
        self._shape = self._shape or frame.shape
        if frame.shape != self._shape:
            raise ValueError(
                f"background: expected frames of one size {self._shape}, got {frame.shape}; "
                "use one detector per video"
            )
        scale = min(1.0, self._height / frame.shape[0])
        if scale < 1:
            shrunk = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            frame = np.asarray(shrunk, dtype=np.uint8)
        mask = self._foreground(frame)
        self._frames += 1
        # When half of the picture changed it was the light or the camera, not people.
        if self._frames <= self._warm_up or mask.mean() > 0.5:
            return Detections.empty()
        xyxy = _people(mask, self._stature)
        score = _scores(mask, xyxy, self._stature)
        keep = score >= self._min_score
        xyxy = boxes.clip(xyxy[keep] / scale, self._shape[1], self._shape[0])
        return Detections(xyxy, score[keep])

    def _foreground(self, frame: Frame) -> Mask:
        # OpenCV's own rate starts so fast that somebody of one colour is background in two frames.
        rate = 1 if self._frames == 0 else max(1 / 500, min(0.01, 0.5 / self._frames))
        told = self._model.apply(self._evened(frame), learningRate=rate)
        moves = (np.asarray(told) == 255).astype(np.uint8)  # 127 is shadow
        mask = np.asarray(cv2.medianBlur(moves, 3))
        # Higher than wide: it shall close the gap between trousers and coat, not between people.
        tall = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 7))
        return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, tall), dtype=np.uint8)

    def _evened(self, frame: Frame) -> Frame:
        """The frame in the light of the background: one gain per channel, from the median."""
        if self._frames == 0:
            return frame
        grid = (slice(4, None, 8), slice(4, None, 8))
        if self._frames % 10 == 1:
            self._background = np.asarray(self._model.getBackgroundImage())[grid].astype(np.float64)
        dark = 16.0  # levels up to here say little about a gain
        ratio = (frame[grid] + dark) / (self._background + dark)
        gain = np.clip(np.median(ratio.reshape(-1, 3), axis=0), 0.4, 2.5)  # (3,)
        if np.abs(gain - 1).max() < 0.01:
            return frame
        levels = np.arange(256)[:, None]
        table = np.clip(np.rint((levels + dark) / gain - dark), 0, 255).astype(np.uint8)
        return np.asarray(cv2.LUT(frame, table[None]), dtype=np.uint8)


class _Stature:
    """Height of a person whose feet are at row y: a straight line, as on a flat street."""

    def __init__(self) -> None:
        self._samples: list[tuple[float, float]] = []
        self._line: NDArray[np.float64] | None = None
        self._seen = 0

    @property
    def known(self) -> bool:
        return self._line is not None

    def learn(self, feet: float, height: float) -> None:
        self._seen += 1
        self._samples.append((feet, height))
        del self._samples[:-400]
        if self._seen >= 40 and self._seen % 20 == 0:
            self._line = _robust_line(np.array(self._samples))

    def at(self, feet: NDArray[np.float64]) -> NDArray[np.float64]:
        """Heights (N,) for rows (N,); only when `known`."""
        assert self._line is not None
        return np.asarray(np.maximum(self._line[0] + self._line[1] * feet, 8.0), dtype=np.float64)


def _robust_line(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Offset and slope of height over feet that most samples (S, 2) agree on.

    Least squares, reweighted against outliers. Weights grow with height, because noise makes many
    small blobs and people few large ones; a weak pull to slope 0 keeps the line sane while all
    people stand at one row.
    """
    feet, height = samples.T
    weight = height.copy()
    line = np.array([np.median(height), 0.0])
    for _ in range(6):
        middle = feet - feet.mean()
        design = np.stack([np.ones_like(feet), middle], axis=1)
        normal = design.T @ (design * weight[:, None])
        normal[1, 1] += 0.02 * weight.sum() * (feet.var() + 100)
        offset, slope = np.linalg.solve(normal, design.T @ (weight * height))
        line = np.array([offset - slope * feet.mean(), slope])
        off = np.abs(height - line[0] - line[1] * feet)
        spread = max(float(np.median(off)), 0.02 * float(np.median(height)))
        weight = height / (1 + (off / (2 * spread)) ** 2)
    return line


def _people(mask: Mask, stature: _Stature) -> boxes.Boxes:
    """Boxes (M, 4) in mask pixels; single blobs teach the stature on the way."""
    xyxy, area = _blobs(mask)
    if stature.known:
        xyxy, area = _joined(xyxy, area, stature)
        lowest = 0.75 * stature.at(xyxy[:, 3])
    else:
        lowest = np.full(len(xyxy), 0.06 * len(mask))
    big = xyxy[:, 3] - xyxy[:, 1] >= lowest
    found: list[boxes.Boxes] = []
    for box, filled in zip(xyxy[big], area[big], strict=True):
        if _is_single(box, float(filled), mask):
            stature.learn(float(box[3]), float(box[3] - box[1]))
        found.append(_split(mask, box, stature) if stature.known else box[None])
    people = np.concatenate([np.empty((0, 4)), *found])
    aspect = (people[:, 2] - people[:, 0]) / (people[:, 3] - people[:, 1])
    return np.asarray(people[(aspect > LEANEST) & (aspect < WIDEST)])


def _blobs(mask: Mask) -> tuple[boxes.Boxes, NDArray[np.float64]]:
    """Boxes (B, 4) and areas (B,) of connected foreground, specks left out."""
    _, _, table, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    left, top, width, height, area = table[1:].astype(np.float64).T
    big = area >= 12
    return np.stack([left, top, left + width, top + height], axis=1)[big], area[big]


def _is_single(box: NDArray[np.float64], area: float, mask: Mask) -> bool:
    """Is this surely one whole person? Only such blobs teach how high people are."""
    width, height = box[2] - box[0], box[3] - box[1]
    rows, columns = mask.shape
    whole = box[0] > 1 and box[1] > 1 and box[2] < columns - 1 and box[3] < rows - 1
    shaped = 0.25 < width / height < 0.6 and area > 0.45 * width * height
    return bool(whole and shaped and height > 0.06 * rows)


def _scores(mask: Mask, xyxy: boxes.Boxes, stature: _Stature) -> NDArray[np.float64]:
    """How much like a person each box (M, 4) is: half filled or more, and of the right height."""
    corners = xyxy.astype(np.int64).tolist()
    filled = [float(mask[top:bottom, left:right].mean()) for left, top, right, bottom in corners]
    score = np.minimum(np.array(filled) / 0.5, 1.0)
    if stature.known:
        off = np.log((xyxy[:, 3] - xyxy[:, 1]) / stature.at(xyxy[:, 3]))
        score = score * np.exp(-0.5 * (off / 0.3) ** 2)
    return np.asarray(score)


def _joined(
    xyxy: boxes.Boxes, area: NDArray[np.float64], stature: _Stature
) -> tuple[boxes.Boxes, NDArray[np.float64]]:
    """Join pieces that lie above one another and together are at most one person high.

    The lowest piece leads, because its foot line tells how high the person is.
    """
    order = np.argsort(-xyxy[:, 3], kind="stable")
    xyxy, area = xyxy[order].copy(), area[order].copy()
    tall = stature.at(xyxy[:, 3])
    alive = np.ones(len(xyxy), dtype=bool)
    for i in range(len(xyxy)):
        while alive[i]:
            first = np.minimum(xyxy[i, :2], xyxy[:, :2])
            last = np.maximum(xyxy[i, 2:], xyxy[:, 2:])
            gap = np.maximum(xyxy[i, 1], xyxy[:, 1]) - np.minimum(xyxy[i, 3], xyxy[:, 3])
            near = (last[:, 1] - first[:, 1] <= 1.15 * tall[i]) & (gap <= 0.35 * tall[i])
            near &= (last[:, 0] - first[:, 0] <= 0.6 * tall[i]) & alive
            near[: i + 1] = False
            if not near.any():
                break
            j = int(np.flatnonzero(near)[0])
            xyxy[i] = np.concatenate([first[j], last[j]])
            area[i] += area[j]
            alive[j] = False
    return xyxy[alive], area[alive]


def _split(mask: Mask, box: NDArray[np.float64], stature: _Stature) -> boxes.Boxes:
    """The people (K, 4) in a blob: itself, unless it is too wide or too high for one."""
    tall = float(stature.at(box[3:4])[0])
    if box[2] - box[0] <= 0.5 * tall and box[3] - box[1] <= 1.2 * tall:
        return box[None]
    left, top, right, bottom = (int(v) for v in box)
    blob = mask[top:bottom, left:right].astype(np.float32)
    rest = blob.copy()
    feet = np.arange(4, bottom - top + 1, 3)
    heights = stature.at((feet + top).astype(np.float64))
    found: list[NDArray[np.float64]] = []
    # Cover the blob with person-sized boxes, the one that explains most pixels first.
    while len(found) < 12:
        chosen = _best_cover(blob, rest, feet, heights)
        if chosen is None:
            break
        x1, y1, x2, y2 = chosen
        rest[y1:y2, x1:x2] = 0
        found.append(np.array([x1 + left, y1 + top, x2 + left, y2 + top], dtype=np.float64))
    return np.stack(found) if found else box[None]


def _best_cover(
    blob: NDArray[np.float32],
    rest: NDArray[np.float32],
    feet: NDArray[np.int64],
    heights: NDArray[np.float64],
) -> tuple[int, int, int, int] | None:
    """The person-sized box that explains most of the `rest` without much background in it.

    Pixels of the blob that another box explains already cost nothing: people overlap. A box whose
    top is where a head sticks out of the blob is preferred.
    """
    whole = cv2.integral(blob, sdepth=cv2.CV_64F)
    fresh = cv2.integral(rest, sdepth=cv2.CV_64F)
    outline = np.where(blob.any(axis=0), blob.argmax(axis=0), len(blob)).astype(np.float32)
    best, chosen = 0.0, None
    for foot, height in zip(feet.tolist(), heights.tolist(), strict=True):
        width = max(round(NARROW * height), 2)
        top = max(int(foot - height), 0)
        start = np.arange(min(0, rest.shape[1] - width), max(rest.shape[1] - width, 0) + 1)
        left, right = np.maximum(start, 0), np.minimum(start + width, rest.shape[1])
        new = fresh[foot, right] - fresh[foot, left] - fresh[top, right] + fresh[top, left]
        full = whole[foot, right] - whole[foot, left] - whole[top, right] + whole[top, left]
        # The highest point of the blob in the middle third of the box: a head, if at its top.
        middle = np.ones((1, max(width // 3, 1)), np.uint8)
        heads = np.asarray(cv2.erode(outline[None], middle))[0][(left + right) // 2 - 1]
        size = width * height
        gain = new - 0.3 * (size - full) + 0.25 * size * (np.abs(heads - top) < 0.07 * height)
        gain[new < 0.1 * size] = 0
        k = int(gain.argmax())
        if gain[k] > best:
            best, chosen = float(gain[k]), (int(left[k]), top, int(right[k]), foot)
    return chosen
