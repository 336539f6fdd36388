"""RTMDet detector (Lyu et al. 2022) on ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame, check_frame
from deepsort_reid.vision.detectors.letterbox import letterbox
from deepsort_reid.vision.detectors.postprocess import check_fraction, clip_to_frame
from deepsort_reid.vision.devices import Provider
from deepsort_reid.vision.onnx_session import OnnxSession, as_session

STRIDE = 32  # network pixels per cell of the coarsest output level
# Of the training images, per channel in BGR order.
MEAN = (103.53, 116.28, 123.675)
STD = (57.375, 57.12, 58.395)


class RtmdetDetector:
    """An RTMDet network (Lyu et al. 2022) in an ONNX file with suppression inside, from MMDeploy.

    Boxes are clipped to the frame; class_id is the class number of the model.

    Args:
        model: ONNX file with one input (1, 3, height, width) and the outputs boxes with scores
            (1, N, 5) and class numbers (1, N); or an open session of one. The batch size, height
            and width may be open.
        min_score: detections with a lower score are dropped. A tracker uses low scores to
            continue existing tracks.
        classes: class numbers to keep (COCO: 0 is a person); None for all.
        longer_side: where the model leaves height and width open, the frame is resized to this
            longer side in pixels, a multiple of 32. Less is faster and misses small objects.
        threads: upper limit of CPU threads; None leaves the choice to onnxruntime.
        device: where the network runs, as for `Embedder`.
        providers: execution providers of onnxruntime, as for `Embedder`.

    A detector can be pickled and copied; the copy opens the file again.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the model has other inputs or outputs, an argument is out of range, or the
            installed onnxruntime does not have the device or provider.
    """

    def __init__(
        self,
        model: Path | str | OnnxSession,
        *,
        min_score: float = 0.1,
        classes: Sequence[int] | None = (0,),
        longer_side: int = 640,
        threads: int | None = None,
        device: str = "cpu",
        providers: Sequence[Provider] | None = None,
    ) -> None:
        check_fraction("min_score", min_score)
        if longer_side < STRIDE or longer_side % STRIDE:
            raise ValueError(f"longer_side: expected a multiple of {STRIDE}, got {longer_side}")
        if classes is not None and (not len(classes) or min(classes) < 0):
            raise ValueError(f"classes: expected numbers from 0 on, got {classes}")
        session = as_session(model, threads=threads, device=device, providers=providers)
        self._session = session
        self._min_score = min_score
        self._classes = classes
        self._longer_side = longer_side
        expected = (
            f"{session.name}: expected an RTMDet model, "
            "images (1, 3, H, W) -> boxes with scores (1, N, 5), class numbers (1, N)"
        )
        shape = session.inputs[0].shape
        if len(session.inputs) != 1 or len(session.outputs) != 2 or len(shape) != 4:
            raise ValueError(f"{expected}, got {session.describe()}")
        batch, channels, *sides = shape
        if batch not in (1, None) and not isinstance(batch, str):
            raise ValueError(f"{expected}, got {session.describe()}")
        if channels != 3 or any(isinstance(side, int) and side % STRIDE for side in sides):
            raise ValueError(
                f"{expected} with H and W open or multiples of {STRIDE}, got {session.describe()}"
            )
        # None: open
        self._fixed_height, self._fixed_width = (
            side if isinstance(side, int) else None for side in sides
        )
        probe = np.zeros((1, 3, *self._input_size((STRIDE, STRIDE))), dtype=np.float32)
        rows, labels = self._session.run(probe)
        if rows.ndim != 3 or rows.shape[2] != 5 or labels.shape != rows.shape[:2]:
            raise ValueError(f"{expected}, got {rows.shape} and {labels.shape}")

    @property
    def providers(self) -> tuple[str, ...]:
        """Execution providers of onnxruntime that are used, in order of preference."""
        return self._session.providers

    def __call__(self, frame: Frame) -> Detections:
        """Detect in one BGR uint8 frame (H, W, 3); ValueError for another kind of array."""
        frame = check_frame(frame)
        image, scale = letterbox(frame, self._input_size(frame.shape[:2]))
        rows, labels = (each[0] for each in self._session.run(_normalize(image)))
        score, class_id = rows[:, 4].astype(np.float64), labels.astype(np.int64)
        keep = score >= self._min_score
        if self._classes is not None:
            keep &= np.isin(class_id, self._classes)
        xyxy = rows[keep, :4].astype(np.float64) / scale
        return clip_to_frame(xyxy, score[keep], class_id[keep], frame.shape[1::-1])

    def _input_size(self, frame_size: tuple[int, ...]) -> tuple[int, int]:
        """Height and width of the network's input for a frame of (height, width)."""
        height, width = (
            # The least multiple of the stride that holds the resized frame.
            -(-int(side * self._longer_side / max(frame_size)) // STRIDE) * STRIDE or STRIDE
            for side in frame_size
        )
        return self._fixed_height or height, self._fixed_width or width


def _normalize(image: Frame) -> NDArray[np.float32]:
    """A BGR image (H, W, 3) of 0 to 255 as (1, 3, H, W), without mean and divided by the std."""
    planes = np.empty((1, 3, *image.shape[:2]), dtype=np.float32)
    for channel in range(3):
        np.subtract(image[..., channel], np.float32(MEAN[channel]), out=planes[0, channel])
        planes[0, channel] /= np.float32(STD[channel])
    return planes
