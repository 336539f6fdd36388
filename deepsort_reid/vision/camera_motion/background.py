"""The background of a frame: the pixels outside the boxes of people."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def background_mask(
    xyxy: ArrayLike | None, scale: float, shape: tuple[int, ...]
) -> NDArray[np.uint8]:
    """Mask of a downscaled frame of this shape (h, w): 0 inside boxes, else 255.

    xyxy: boxes (M, 4) in pixels of the frame. scale: size relative to the frame.
    """
    mask: NDArray[np.uint8] = np.full(shape, 255, dtype=np.uint8)
    for left, top, right, bottom in _scaled_boxes(xyxy, scale, shape).tolist():
        mask[top:bottom, left:right] = 0
    return mask


def _scaled_boxes(
    xyxy: ArrayLike | None, scale: float, shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """Boxes in downscaled pixels, enlarged by a tenth on each side and clipped to the image.

    Boxes that are not finite are left out; an array of another shape counts as no boxes.
    """
    box = np.asarray([] if xyxy is None else xyxy, dtype=np.float64)
    if box.ndim != 2 or box.shape[1] != 4:
        return np.empty((0, 4), dtype=np.int64)
    box = box[np.isfinite(box).all(axis=1)] * scale
    margin = 0.1 * (box[:, 2:] - box[:, :2]) + 1
    limit = np.array([shape[1], shape[0]])
    first = np.clip(np.floor(box[:, :2] - margin), 0, limit)
    last = np.clip(np.ceil(box[:, 2:] + margin), 0, limit)
    return np.concatenate([first, last], axis=1).astype(np.int64)
