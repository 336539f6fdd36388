"""Crops of boxes out of frames, resized and normalised for an embedder."""

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.frame import Frame, check_frame

# Mean and standard deviation of the pixels of ImageNet, RGB, on the scale 0 to 255. Networks with
# weights of torchvision were trained on (x - mean) / std.
IMAGENET_MEAN = (255 * 0.485, 255 * 0.456, 255 * 0.406)
IMAGENET_STD = (255 * 0.229, 255 * 0.224, 255 * 0.225)


def resize_crop(crop: Frame, size: tuple[int, int]) -> Frame:
    """Resize an image (h, w, 3) uint8 to `size` = (height, width).

    Each axis is averaged over areas where it shrinks, which prevents aliasing of fine texture,
    and interpolated linearly where it grows.
    """
    height, width = size
    if crop.shape[0] > height:
        crop = _interpolate(crop, (height, crop.shape[1]), cv2.INTER_AREA)
    if crop.shape[1] > width:
        crop = _interpolate(crop, (crop.shape[0], width), cv2.INTER_AREA)
    if crop.shape[:2] != (height, width):
        crop = _interpolate(crop, (height, width), cv2.INTER_LINEAR)
    return crop


def crop_corners(
    xyxy: ArrayLike, width: int, height: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Round boxes (M, 4) to whole pixels inside a frame; corners (M, 4) and visible (M,).

    Corners are rounded to the nearest pixel and clipped; a box that overlaps the frame keeps at
    least one pixel. `visible` is False for a box fully outside the frame.

    Raises ValueError for another shape and for coordinates that are not finite.
    """
    box = boxes.as_boxes(xyxy)
    limit = np.array([width, height], dtype=np.float64)
    visible = np.all((box[:, 2:] > 0) & (box[:, :2] < limit), axis=1)  # (M,)
    first = np.clip(np.rint(box[:, :2]), 0, limit - 1)
    last = np.clip(np.rint(box[:, 2:]), first + 1, limit)
    return np.concatenate([first, last], axis=1).astype(np.int64), np.asarray(visible)


def cut_crops(frame: Frame, xyxy: ArrayLike) -> tuple[list[Frame], NDArray[np.bool_]]:
    """The parts of a frame (H, W, 3) inside the visible boxes (M, 4), as views, and visible (M,).

    Raises ValueError for another kind of frame or boxes; see `crop_corners`.
    """
    frame = check_frame(frame)
    corners, visible = crop_corners(xyxy, frame.shape[1], frame.shape[0])
    return [frame[y1:y2, x1:x2] for x1, y1, x2, y2 in corners[visible].tolist()], visible


def _interpolate(image: Frame, size: tuple[int, int], method: int) -> Frame:
    return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=method), dtype=np.uint8)
