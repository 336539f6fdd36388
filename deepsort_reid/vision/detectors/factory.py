"""Choice of a detector by a word or a file name."""

from pathlib import Path

from deepsort_reid.structures.detections import Detector
from deepsort_reid.vision.detectors.background import BackgroundSubtraction
from deepsort_reid.vision.detectors.precomputed import MotDetections
from deepsort_reid.vision.detectors.rtmdet import RtmdetDetector
from deepsort_reid.vision.detectors.torchvision_coco import TorchvisionDetector
from deepsort_reid.vision.detectors.yolox import YoloxDetector, anchor_grid
from deepsort_reid.vision.onnx_session import OnnxSession

DEFAULT_MIN_SCORE = 0.1

# Types of the outputs of RTMDet: boxes with scores, class numbers.
_RTMDET_TYPES = {("tensor(float)", "tensor(int64)"), ("tensor(float)", "tensor(int32)")}


def load_detector(
    source: str | Path | Detector,
    *,
    min_score: float | None = None,
    threads: int | None = None,
    device: str = "cpu",
) -> Detector:
    """Return the detector of a word or file name.

    Args:
        source: "background", a YOLOX or RTMDet model NAME.onnx, a MOT detection file NAME.txt, or
            the name of a COCO model of torchvision. A callable is returned unchanged.
        min_score: detections with a lower score are dropped; by default 0.1, and 0 for a MOT file.
        threads: upper limit of CPU threads of an ONNX model.
        device: where a network runs: as for `Embedder` for an ONNX model, as for
            `TorchvisionDetector` for a model of torchvision.

    Raises:
        ValueError: the word names no detector, the file is not valid, or there is no such device.
        OSError: the file cannot be read, or weights cannot be downloaded.
        ModuleNotFoundError: the detector needs torchvision, which is not installed.
    """
    if callable(source):
        return source
    limit = DEFAULT_MIN_SCORE if min_score is None else min_score
    word = str(source)
    if word == "background":
        return BackgroundSubtraction(min_score=limit)
    suffix = Path(word).suffix.lower()
    if suffix == ".onnx":
        return _onnx_detector(OnnxSession(word, threads=threads, device=device), limit)
    if suffix == ".txt":
        return MotDetections(word, min_score=min_score or 0.0)
    if suffix or Path(word).exists() or "/" in word:
        raise ValueError(
            f"detector: expected 'background', a .onnx or .txt file or the name of a torchvision "
            f"model, got {word!r}"
        )
    return TorchvisionDetector(word, min_score=limit, device=device)


def _onnx_detector(session: OnnxSession, min_score: float) -> Detector:
    """The detector of an ONNX model, told by the number, types and shapes of its outputs."""
    if _is_rtmdet(session):
        return RtmdetDetector(session, min_score=min_score)
    if _is_yolox(session):
        return YoloxDetector(session, min_score=min_score)
    raise ValueError(
        f"{session.name}: expected a detector of a known format, got {session.describe()}; known "
        "are YOLOX, images (1, 3, H, W) -> (1, anchors, 5 + classes), and RTMDet, images "
        "(1, 3, H, W) -> boxes with scores (1, N, 5) float, class numbers (1, N) integer. "
        "For another format, pass a function frame -> Detections in Python, or its detections in "
        "a file"
    )


def _is_rtmdet(session: OnnxSession) -> bool:
    """Whether the outputs are boxes with scores (batch, N, 5) and class numbers (batch, N)."""
    if len(session.outputs) != 2:
        return False
    rows, labels = session.outputs
    return (
        (rows.type, labels.type) in _RTMDET_TYPES
        and len(labels.shape) in (0, 2)  # 0: not declared
        and (not rows.shape or _may_be(rows.shape, (None, None, 5)))
    )


def _is_yolox(session: OnnxSession) -> bool:
    """Whether the output has one row per anchor of the input size, (batch, anchors, 5 + C)."""
    if len(session.outputs) != 1 or len(session.inputs[0].shape) != 4:
        return False
    height, width = session.inputs[0].shape[2:]
    anchors = None
    if isinstance(height, int) and isinstance(width, int):
        anchors = len(anchor_grid(height, width)[1])
    shape = session.outputs[0].shape
    return not shape or _may_be(shape, (None, anchors, None))


def _may_be(shape: list[int | str | None], expected: tuple[int | None, ...]) -> bool:
    """Whether a declared shape, with open lengths as names or None, agrees with the expected."""
    return len(shape) == len(expected) and all(
        length == given or length is None or not isinstance(given, int)
        for given, length in zip(shape, expected, strict=True)
    )
