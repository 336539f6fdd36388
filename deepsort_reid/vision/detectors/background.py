"""Person detector by background subtraction for a static camera; needs no weights."""

import cv2
import numpy as np

from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame, check_frame
from deepsort_reid.vision.detectors.blobs import Mask, detect_people, score_boxes
from deepsort_reid.vision.detectors.person_height import PersonHeightModel
from deepsort_reid.vision.detectors.postprocess import check_fraction

# A larger fraction of foreground is a change of light or a moved camera.
MAX_FOREGROUND = 0.5
# Added to pixel values before their ratio is taken: the ratio of dark pixels is unreliable.
DARK_LEVEL = 16.0


class BackgroundSubtraction:
    """Detects moving people in front of a static camera as person-sized foreground blobs.

    A mixture of Gaussians per pixel (Zivkovic and van der Heijden 2006, OpenCV's MOG2) separates
    foreground from background and shadow. The brightness of a frame is first matched to the
    background, so that clouds and automatic exposure are not foreground. The height of a person
    as a function of the image row is learned from single blobs; with it, fragments of a person
    are merged and groups are split. Use one instance per video.

    Args:
        min_score: detections with a lower score are dropped. The score decreases with holes in
            the blob and with an unlikely height.
        warmup_frames: number of frames at the start without detections, while the background is
            unknown.
        height: frames with more rows are downscaled to this many.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self, *, min_score: float = 0.1, warmup_frames: int = 2, height: int = 480
    ) -> None:
        check_fraction("min_score", min_score)
        if height < 32:
            raise ValueError(f"height: expected at least 32 rows, got {height}")
        self._min_score = min_score
        self._warmup_frames = warmup_frames
        self._height = height
        self._model = cv2.createBackgroundSubtractorMOG2(
            history=500, varThreshold=20, detectShadows=True
        )
        self._person_heights = PersonHeightModel()
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
            resized = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            frame = np.asarray(resized, dtype=np.uint8)
        mask = self._foreground(frame)
        self._frames += 1
        if self._frames <= self._warmup_frames or mask.mean() > MAX_FOREGROUND:
            return Detections.empty()
        xyxy = detect_people(mask, self._person_heights)
        score = score_boxes(mask, xyxy, self._person_heights)
        keep = score >= self._min_score
        xyxy = boxes.clip(xyxy[keep] / scale, self._shape[1], self._shape[0])
        return Detections(xyxy, score[keep])

    def _foreground(self, frame: Frame) -> Mask:
        """Update the background model; returns the foreground mask (h, w) of the frame."""
        # OpenCV's own learning rate starts so high that a person of uniform colour becomes
        # background within two frames.
        rate = 1 if self._frames == 0 else max(1 / 500, min(0.01, 0.5 / self._frames))
        labels = self._model.apply(self._match_brightness(frame), learningRate=rate)
        foreground = (np.asarray(labels) == 255).astype(np.uint8)  # 127 is shadow
        mask = np.asarray(cv2.medianBlur(foreground, 3))
        # Higher than wide: closes the gap between trousers and coat, but not between people.
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 7))
        return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel), dtype=np.uint8)

    def _match_brightness(self, frame: Frame) -> Frame:
        """Scale the channels of a frame to the background; gains are medians over a pixel grid."""
        if self._frames == 0:
            return frame
        grid = (slice(4, None, 8), slice(4, None, 8))
        if self._frames % 10 == 1:
            self._background = np.asarray(self._model.getBackgroundImage())[grid].astype(np.float64)
        ratio = (frame[grid] + DARK_LEVEL) / (self._background + DARK_LEVEL)
        gain = np.clip(np.median(ratio.reshape(-1, 3), axis=0), 0.4, 2.5)  # (3,)
        if np.abs(gain - 1).max() < 0.01:
            return frame
        levels = np.arange(256)[:, None]
        table = np.clip(np.rint((levels + DARK_LEVEL) / gain - DARK_LEVEL), 0, 255)
        return np.asarray(cv2.LUT(frame, table.astype(np.uint8)[None]), dtype=np.uint8)
