"""Reading of image files."""

from pathlib import Path

import cv2
import numpy as np

from deepsort_reid.structures.frame import Frame


class UndecodableImageError(ValueError):
    """A file that exists but is not an image that OpenCV can decode."""


def read_image(path: Path | str, *, reject_truncated: bool = False) -> Frame:
    """Read an image file as BGR uint8 (H, W, 3); a grey image is converted.

    reject_truncated: raise for a JPEG or PNG file that ends early. Decoders fill the missing part
        with grey and report it on stderr only.

    Raises:
        OSError: the file cannot be read.
        UndecodableImageError: the file is empty, truncated or not an image.
    """
    # Not cv2.imread: on Windows it cannot open a path with characters outside ASCII.
    data = Path(path).read_bytes()
    if not data:
        raise UndecodableImageError(f"{path}: expected an image, got an empty file")
    if reject_truncated and _is_truncated(data):
        raise UndecodableImageError(f"{path}: expected an image, got a truncated file")
    try:
        image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # the header declares more pixels than OpenCV opens
        image = None
    if image is None:
        raise UndecodableImageError(
            f"{path}: expected an image, got a file that OpenCV cannot decode"
        )
    return np.asarray(image, dtype=np.uint8)


def _is_truncated(data: bytes) -> bool:
    """Whether a JPEG or PNG file lacks its end marker."""
    if data.startswith(b"\xff\xd8"):
        return b"\xff\xd9" not in data[-1024:]
    return data.startswith(b"\x89PNG") and b"IEND" not in data[-64:]


def scale_to_fit(frame: Frame, size: tuple[int, int]) -> Frame:
    """Scale a frame into `size` (width, height), in the middle, with black margins if needed."""
    scale = min(size[0] / frame.shape[1], size[1] / frame.shape[0])
    width, height = (max(1, round(scale * side)) for side in frame.shape[1::-1])
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    fitted: Frame = np.zeros((size[1], size[0], 3), dtype=np.uint8)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    fitted[top : top + height, left : left + width] = cv2.resize(
        frame, (width, height), interpolation=interpolation
    )
    return fitted
