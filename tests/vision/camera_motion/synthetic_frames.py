"""Textured frames under known camera motion."""

import cv2
import numpy as np

HEIGHT, WIDTH = 240, 320
IDENTITY = np.eye(2, 3)


def similarity(degrees=0.0, zoom=1.0, shift=(0.0, 0.0), size=(WIDTH, HEIGHT)):
    """Rotation and zoom about the image centre, then a shift: (2, 3)."""
    angle = np.deg2rad(degrees)
    rotation = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array(size) / 2
    return np.column_stack([rotation, centre - rotation @ centre + shift])


MOTIONS = {
    "small shift": similarity(shift=(2.3, -1.6)),
    "large shift": similarity(shift=(25, 9)),
    "rotation": similarity(degrees=1.5),
    "zoom in": similarity(zoom=1.03),
    "zoom out": similarity(zoom=0.97),
    "rotation, zoom and shift": similarity(degrees=-1, zoom=1.02, shift=(-6.5, 3.2)),
}


def textured_frame(seed=0, size=(WIDTH, HEIGHT)):
    """A smooth random texture of several scales, unique at every position."""
    rng = np.random.default_rng(seed)
    image = np.zeros((size[1], size[0], 3))
    for cells in (6, 20, 60):
        coarse = rng.uniform(-1, 1, (cells, cells, 3)).astype(np.float32)
        image += cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    return np.clip(128 + 45 * image, 0, 255).astype(np.uint8)


def warped(frame, warp, noise=1.5, seed=0):
    """The frame after a camera motion, with sensor noise."""
    moved = cv2.warpAffine(
        frame, warp, frame.shape[1::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    rng = np.random.default_rng(seed)
    return np.clip(moved + rng.normal(0, noise, moved.shape), 0, 255).astype(np.uint8)


def with_pedestrians(frame, number):
    """The frame with two large patterned rectangles that move right, and their boxes."""
    frame = frame.copy()
    pattern = textured_frame(seed=9)[:150, :60]
    boxes = []
    for left, top in ((20 + 6 * number, 70), (120 + 6 * number, 60)):
        frame[top : top + 150, left : left + 60] = pattern
        boxes.append([left, top, left + 60, top + 150])
    return frame, np.array(boxes, dtype=float)


def corner_error(motion, warp, size=(WIDTH, HEIGHT)):
    """Largest error of the four image corners in pixels."""
    corners = np.array([[0, 0, 1], [size[0], 0, 1], [0, size[1], 1], [*size, 1]], dtype=float)
    return np.linalg.norm(corners @ (motion.warp - warp).T, axis=1).max()


def compose(warp, previous):
    """`previous` (3, 3), followed by `warp` (2, 3): (3, 3)."""
    return np.vstack([warp, [0, 0, 1]]) @ previous
