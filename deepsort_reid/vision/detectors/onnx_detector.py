"""Detectors in ONNX files, whose format is told by their outputs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame, check_frame
from deepsort_reid.vision.detectors import detr_heads, nanodet, rtmdet, yolo_heads, yolox
from deepsort_reid.vision.detectors.class_names import (
    names_of_network,
    select_classes,
    with_names,
)
from deepsort_reid.vision.detectors.network_input import STRIDE, NetworkInput
from deepsort_reid.vision.detectors.onnx_head import Head, Probe
from deepsort_reid.vision.detectors.postprocess import (
    check_fraction,
    clip_to_frame,
    nms_per_class,
)
from deepsort_reid.vision.devices import CPU_PROVIDER, Provider
from deepsort_reid.vision.onnx_session import OnnxSession


class _Format(Protocol):
    """What the module of a format has."""

    LAYOUT: str

    def recognize(self, probe: Probe) -> Head | None: ...


_FORMATS: tuple[_Format, ...] = (yolox, rtmdet, yolo_heads, nanodet, detr_heads)


class OnnxDetector:
    """A detector network in an ONNX file: YOLOX, RTMDet, YOLOv8, NanoDet, RT-DETR and relatives.

    The format is told by the outputs of the network for an image of zeros; docs/detectors.md
    describes the formats. Boxes are clipped to the frame; class_id is the class number of the
    model, and column "class_name" of the detections its name, where names are known.

    Args:
        model: ONNX file with the input (1, 3, height, width). The batch size, height and width
            may be open.
        min_score: detections with a lower score are dropped. A tracker uses low scores to
            continue existing tracks.
        max_iou: of two boxes of one class that overlap by more, the lower score is dropped, where
            the format has no suppression inside the network.
        classes: classes to keep, by number or name (COCO: 0 is "person"); None for all.
        longer_side: where the model leaves height and width open, the frame is resized to this
            longer side in pixels, a multiple of 32. Less is faster and misses small objects.
        threads: upper limit of CPU threads; None leaves the choice to onnxruntime.
        device: where the network runs, as for `Embedder`.
        providers: execution providers of onnxruntime, as for `Embedder`.

    A detector can be pickled and copied; the copy opens the file again.

    Attributes:
        format: name of the recognised format.
        class_names: names of the classes by number, from the metadata of the file, or of COCO for
            80 classes; empty where they are not known.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the model has other inputs or outputs, an argument is out of range, or the
            installed onnxruntime does not have the device or provider.
    """

    def __init__(
        self,
        model: Path | str,
        *,
        min_score: float = 0.1,
        max_iou: float = 0.65,
        classes: Sequence[int | str] | None = (0,),
        longer_side: int = 640,
        threads: int | None = None,
        device: str = "cpu",
        providers: Sequence[Provider] | None = None,
    ) -> None:
        check_fraction("min_score", min_score)
        check_fraction("max_iou", max_iou)
        if longer_side < STRIDE or longer_side % STRIDE:
            raise ValueError(f"longer_side: expected a multiple of {STRIDE}, got {longer_side}")
        self._session = OnnxSession(model, threads=threads, device=device, providers=providers)
        self._input = NetworkInput(self._session, longer_side)
        self._head = _recognize(self._session, self._input)
        count = self._head.num_classes
        self.class_names = names_of_network(self._session.metadata, count)
        self._classes = select_classes(classes, self.class_names, count)
        self._min_score = min_score
        self._max_iou = max_iou
        self.format: str = self._head.name

    @property
    def providers(self) -> tuple[str, ...]:
        """Execution providers of onnxruntime that are used, in order of preference."""
        return self._session.providers

    @property
    def prefers_batches(self) -> bool:
        """Whether `detect_batch` is faster than several threads that call the detector.

        That is where the batch size of the model is open, and it runs on another device than a CPU.
        """
        return self._input.takes_batches and self.providers[0] != CPU_PROVIDER

    def __call__(self, frame: Frame) -> Detections:
        """Detect in one BGR uint8 frame (H, W, 3); ValueError for another kind of array."""
        return self.detect_batch([frame])[0]

    def detect_batch(self, frames: Sequence[Frame]) -> list[Detections]:
        """Detect in each of several BGR uint8 frames (H, W, 3).

        The network runs once on all frames that it takes in one size, where its batch size is open,
        otherwise once on each. Raises ValueError for another kind of array.
        """
        head, keep = self._head, self._head.keeps_aspect_ratio
        images, scales = [], []
        for frame in frames:
            image, scale = self._input.resize(check_frame(frame), keep_aspect_ratio=keep)
            images.append(image)
            scales.append(scale)
        found: list[Detections] = []
        for image, scale, frame, outputs in zip(
            images, scales, frames, self._run(images), strict=True
        ):
            size = (image.shape[0], image.shape[1])
            xyxy, score, class_id = head.decode(outputs, size, self._min_score, self._classes)
            xyxy = xyxy / np.tile(scale, 2)
            if not head.has_suppression:
                kept = nms_per_class(xyxy, score, class_id, self._max_iou)
                xyxy, score, class_id = xyxy[kept], score[kept], class_id[kept]
            clipped = clip_to_frame(xyxy, score, class_id, frame.shape[1::-1])
            found.append(with_names(clipped, self.class_names))
        return found

    def _run(self, images: Sequence[Frame]) -> list[list[NDArray[Any]]]:
        """Outputs of the network, without the batch axis, for each image."""
        values = [self._head.to_values(image) for image in images]
        is_batch = len(values) > 1 and len({each.shape for each in values}) == 1
        if is_batch and self._input.takes_batches:
            batch = self._input.run(np.stack(values))
            if all(len(output) == len(values) for output in batch):
                return [[output[k] for output in batch] for k in range(len(values))]
        return [[output[0] for output in self._input.run(each[None])] for each in values]


def _recognize(session: OnnxSession, network_input: NetworkInput) -> Head:
    """The format of a network; ValueError with its outputs and the known formats for others."""
    height, width = size = network_input.square
    outputs = network_input.run(np.zeros((1, 3, height, width), dtype=np.float32))
    if all(output.ndim > 1 and len(output) == 1 for output in outputs):
        names = [each.name for each in session.outputs]
        probe = Probe([output[0] for output in outputs], names, size, network_input.has_size)
        for each in _FORMATS:
            head = each.recognize(probe)
            if head is not None:
                return head
    raise ValueError(
        f"{session.name}: expected a detector of a known format, got {session.describe()}, for an "
        f"image of {width}x{height} {', '.join(str(output.shape) for output in outputs)}; known "
        f"are, for images (1, 3, H, W): {'; '.join(each.LAYOUT for each in _FORMATS)}. For another "
        "format, pass a function frame -> Detections in Python, or its detections in a file"
    )
