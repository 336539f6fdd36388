"""Person boxes from a foreground mask: blobs are merged, split and scored."""

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.vision.detectors.person_height import PersonHeightModel

Mask = NDArray[np.uint8]  # (h, w): 1 is foreground

# Width over height of a person. Within a group, arms and legs hide each other: a narrow box
# separates people best.
GROUP_ASPECT, MIN_ASPECT, MAX_ASPECT = 0.36, 0.12, 1.3
MIN_BLOB_AREA = 12  # pixels
# Smallest height of a person as a fraction of the predicted height, or of the image height while
# no height model is fitted.
MIN_RELATIVE_HEIGHT, MIN_IMAGE_FRACTION = 0.75, 0.06
MAX_PEOPLE_PER_BLOB = 12


def detect_people(mask: Mask, heights: PersonHeightModel) -> boxes.Boxes:
    """Return boxes of people (M, 4) in mask pixels; blobs of one person are added to `heights`."""
    xyxy, area = _find_blobs(mask)
    if heights.is_fitted:
        xyxy, area = _merge_fragments(xyxy, area, heights)
        min_height = MIN_RELATIVE_HEIGHT * heights.predict(xyxy[:, 3])
    else:
        min_height = np.full(len(xyxy), MIN_IMAGE_FRACTION * len(mask))
    large = xyxy[:, 3] - xyxy[:, 1] >= min_height
    found: list[boxes.Boxes] = []
    for box, filled in zip(xyxy[large], area[large], strict=True):
        if _is_single_person(box, float(filled), mask):
            heights.add(float(box[3]), float(box[3] - box[1]))
        found.append(_split_blob(mask, box, heights) if heights.is_fitted else box[None])
    people = np.concatenate([np.empty((0, 4)), *found])
    aspect = (people[:, 2] - people[:, 0]) / (people[:, 3] - people[:, 1])
    return np.asarray(people[(aspect > MIN_ASPECT) & (aspect < MAX_ASPECT)])


def score_boxes(mask: Mask, xyxy: boxes.Boxes, heights: PersonHeightModel) -> NDArray[np.float64]:
    """Score boxes (M, 4) in [0, 1]: lower when less than half filled or of an unlikely height."""
    corners = xyxy.astype(np.int64).tolist()
    filled = [float(mask[top:bottom, left:right].mean()) for left, top, right, bottom in corners]
    score = np.minimum(np.array(filled) / 0.5, 1.0)
    if heights.is_fitted:
        log_ratio = np.log((xyxy[:, 3] - xyxy[:, 1]) / heights.predict(xyxy[:, 3]))
        score = score * np.exp(-0.5 * (log_ratio / 0.3) ** 2)
    return np.asarray(score)


def _find_blobs(mask: Mask) -> tuple[boxes.Boxes, NDArray[np.float64]]:
    """Boxes (B, 4) and areas (B,) of connected foreground; small specks are left out."""
    _, _, table, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    left, top, width, height, area = table[1:].astype(np.float64).T
    large = area >= MIN_BLOB_AREA
    return np.stack([left, top, left + width, top + height], axis=1)[large], area[large]


def _is_single_person(box: NDArray[np.float64], area: float, mask: Mask) -> bool:
    """Whether the blob is one whole person with near certainty; only these fit the heights."""
    width, height = box[2] - box[0], box[3] - box[1]
    rows, columns = mask.shape
    inside = box[0] > 1 and box[1] > 1 and box[2] < columns - 1 and box[3] < rows - 1
    person_shaped = 0.25 < width / height < 0.6 and area > 0.45 * width * height
    return bool(inside and person_shaped and height > MIN_IMAGE_FRACTION * rows)


def _merge_fragments(
    xyxy: boxes.Boxes, area: NDArray[np.float64], heights: PersonHeightModel
) -> tuple[boxes.Boxes, NDArray[np.float64]]:
    """Merge blobs that lie above one another and together have at most the height of a person.

    The lowest fragment comes first, because its bottom edge determines the predicted height.
    """
    order = np.argsort(-xyxy[:, 3], kind="stable")
    xyxy, area = xyxy[order].copy(), area[order].copy()
    expected = heights.predict(xyxy[:, 3])
    remaining = np.ones(len(xyxy), dtype=bool)
    for i in range(len(xyxy)):
        while remaining[i]:
            first = np.minimum(xyxy[i, :2], xyxy[:, :2])
            last = np.maximum(xyxy[i, 2:], xyxy[:, 2:])
            gap = np.maximum(xyxy[i, 1], xyxy[:, 1]) - np.minimum(xyxy[i, 3], xyxy[:, 3])
            fits = last[:, 1] - first[:, 1] <= 1.15 * expected[i]
            fits &= last[:, 0] - first[:, 0] <= 0.6 * expected[i]
            fits &= (gap <= 0.35 * expected[i]) & remaining
            fits[: i + 1] = False
            if not fits.any():
                break
            j = int(np.flatnonzero(fits)[0])
            xyxy[i] = np.concatenate([first[j], last[j]])
            area[i] += area[j]
            remaining[j] = False
    return xyxy[remaining], area[remaining]


def _split_blob(mask: Mask, box: NDArray[np.float64], heights: PersonHeightModel) -> boxes.Boxes:
    """Boxes of the people (K, 4) in a blob; its own box unless it is too large for one person."""
    expected = float(heights.predict(box[3:4])[0])
    if box[2] - box[0] <= 0.5 * expected and box[3] - box[1] <= 1.2 * expected:
        return box[None]
    left, top, right, bottom = (int(v) for v in box)
    blob = mask[top:bottom, left:right].astype(np.float32)
    uncovered = blob.copy()
    feet = np.arange(4, bottom - top + 1, 3)
    person_heights = heights.predict((feet + top).astype(np.float64))
    found: list[NDArray[np.float64]] = []
    # Greedy cover: the person-sized box with the largest gain first.
    while len(found) < MAX_PEOPLE_PER_BLOB:
        best = _best_cover(blob, uncovered, feet, person_heights)
        if best is None:
            break
        x1, y1, x2, y2 = best
        uncovered[y1:y2, x1:x2] = 0
        found.append(np.array([x1 + left, y1 + top, x2 + left, y2 + top], dtype=np.float64))
    return np.stack(found) if found else box[None]


def _best_cover(
    blob: NDArray[np.float32],
    uncovered: NDArray[np.float32],
    feet: NDArray[np.int64],
    heights: NDArray[np.float64],
) -> tuple[int, int, int, int] | None:
    """The person-sized box that covers most of `uncovered` with little background; None if none.

    Foreground that another box covers already is no loss, because people overlap. A box whose top
    is at a local top of the blob, where a head may be, gets a bonus.
    """
    blob_sum = np.asarray(cv2.integral(blob, sdepth=cv2.CV_64F), dtype=np.float64)
    uncovered_sum = np.asarray(cv2.integral(uncovered, sdepth=cv2.CV_64F), dtype=np.float64)
    outline = np.where(blob.any(axis=0), blob.argmax(axis=0), len(blob)).astype(np.float32)
    columns = uncovered.shape[1]
    best_gain, best = 0.0, None
    for foot, height in zip(feet.tolist(), heights.tolist(), strict=True):
        width = max(round(GROUP_ASPECT * height), 2)
        top = max(int(foot - height), 0)
        start = np.arange(min(0, columns - width), max(columns - width, 0) + 1)
        left, right = np.maximum(start, 0), np.minimum(start + width, columns)
        newly_covered = _box_sums(uncovered_sum, left, top, right, foot)
        foreground = _box_sums(blob_sum, left, top, right, foot)
        # Highest point of the blob in the middle third of the box: the head, if at its top.
        middle = np.ones((1, max(width // 3, 1)), np.uint8)
        head = np.asarray(cv2.erode(outline[None], middle))[0][(left + right) // 2 - 1]
        size = width * height
        gain = newly_covered - 0.3 * (size - foreground)
        gain = gain + 0.25 * size * (np.abs(head - top) < 0.07 * height)
        gain[newly_covered < 0.1 * size] = 0
        k = int(gain.argmax())
        if gain[k] > best_gain:
            best_gain, best = float(gain[k]), (int(left[k]), top, int(right[k]), foot)
    return best


def _box_sums(
    integral: NDArray[np.float64],
    left: NDArray[np.int64],
    top: int,
    right: NDArray[np.int64],
    bottom: int,
) -> NDArray[np.float64]:
    """Sums over boxes of equal top and bottom, from an integral image (h + 1, w + 1)."""
    sums = integral[bottom, right] - integral[bottom, left]
    return np.asarray(sums - integral[top, right] + integral[top, left])
