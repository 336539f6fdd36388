"""Boxes and images of the tracks of one video, from which `adapt` learns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.reid.training.adaptation_labels import TrackedBoxes, alone
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame
from deepsort_reid.structures.tracks import Tracks
from deepsort_reid.vision.crops import crop_corners, resize_crop

MAX_IMAGES = 6000  # of a video; more are thinned out evenly over time
MIN_SCORE = 0.3  # of a detection without a track, to count as a person nearby
MAX_MISSES = 10  # of a track without a detection, to count as a person nearby


@dataclass(frozen=True, eq=False)
class TrackedVideo:
    """Boxes of all confirmed tracks of a video, and images of some of them."""

    boxes: TrackedBoxes
    row: NDArray[np.int64]  # (K,) rows of `boxes` that have an image, ascending
    images: NDArray[np.uint8]  # (K, H, W, 3) RGB
    embedding: NDArray[np.float32]  # (K, D) unit rows, of the original embedder
    every: int  # distance of the tracked frames

    @property
    def num_tracks(self) -> int:
        """Number of tracks."""
        return len(np.unique(self.boxes.track))


class VideoCollector:
    """Collects a `TrackedVideo` frame by frame.

    size: (height, width) of the images. every: distance of the frames.
    """

    def __init__(self, size: tuple[int, int], *, every: int = 1) -> None:
        self._size, self._every = size, every
        self._stride = 1  # images are taken from every `_stride`th frame
        self._frames = 0
        self._count = 0  # boxes
        self._boxes: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
        self._alone: list[NDArray[np.bool_]] = []
        self._images: list[_FrameImages] = []

    def add(
        self, number: int, frame: Frame, detections: Detections, tracks: Tracks, live: Tracks
    ) -> None:
        """Add one frame.

        frame: BGR uint8 (H, W, 3). detections: with embeddings. tracks: the confirmed and matched
        ones. live: all tracks, coasting and tentative ones included.
        """
        xyxy = detections.xyxy[tracks.detection]
        is_alone = alone(xyxy, _people(detections, live))
        index = self._frames
        self._frames += 1
        if index % self._stride == 0 and detections.embedding is not None:
            self._add_images(index, frame, xyxy, detections.embedding[tracks.detection], is_alone)
        self._boxes.append((np.full(len(xyxy), number), tracks.id, xyxy))
        self._alone.append(is_alone)
        self._count += len(xyxy)

    def _add_images(
        self,
        index: int,
        frame: Frame,
        xyxy: NDArray[np.float64],
        embedding: NDArray[np.float32],
        is_alone: NDArray[np.bool_],
    ) -> None:
        corners, visible = crop_corners(xyxy, frame.shape[1], frame.shape[0])
        rows = np.flatnonzero(is_alone & visible & embedding.any(axis=1))
        crops = [
            resize_crop(frame[top:bottom, left:right], self._size)[..., ::-1]
            for left, top, right, bottom in corners[rows].tolist()
        ]
        if crops:
            self._images.append(
                _FrameImages(index, self._count + rows, np.stack(crops), embedding[rows])
            )
        if sum(len(each.row) for each in self._images) > MAX_IMAGES:
            self._stride *= 2
            self._images = [each for each in self._images if each.index % self._stride == 0]

    def finish(self) -> TrackedVideo:
        """The collected video; ValueError when no track was confirmed."""
        if not self._images:
            raise ValueError("no person was tracked clearly; is the detector right for the video?")
        frame, track, xyxy = (np.concatenate(column) for column in zip(*self._boxes, strict=True))
        boxes = TrackedBoxes(frame, track, xyxy, np.concatenate(self._alone))
        return TrackedVideo(
            boxes,
            np.concatenate([each.row for each in self._images]),
            np.concatenate([each.images for each in self._images]),
            np.concatenate([each.embedding for each in self._images]),
            self._every,
        )


@dataclass(frozen=True, eq=False)
class _FrameImages:
    """Images of one frame."""

    index: int  # of the frame, from 0
    row: NDArray[np.int64]  # (K,) of the boxes of the video
    images: NDArray[np.uint8]
    embedding: NDArray[np.float32]


def _people(detections: Detections, live: Tracks) -> NDArray[np.float64]:
    """Boxes (K, 4) at which there may be a person: of tracks, and of detections without a track."""
    matched = live.detection[live.detection >= 0]
    coasting = live.xyxy[(live.detection < 0) & (live.misses <= MAX_MISSES)]
    is_free = detections.score >= MIN_SCORE
    is_free[matched] = False
    return np.concatenate([detections.xyxy[matched], coasting, detections.xyxy[is_free]])
