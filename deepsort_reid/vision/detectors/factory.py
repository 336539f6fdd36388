"""Choice of a detector by a word or a file name."""

from pathlib import Path

from deepsort_reid.structures.detections import Detector
from deepsort_reid.vision.detectors.background import BackgroundSubtraction
from deepsort_reid.vision.detectors.onnx_detector import OnnxDetector
from deepsort_reid.vision.detectors.precomputed import MotDetections
from deepsort_reid.vision.detectors.torchvision_coco import TorchvisionDetector

DEFAULT_MIN_SCORE = 0.1


def load_detector(
    source: str | Path | Detector,
    *,
    min_score: float | None = None,
    threads: int | None = None,
    device: str = "cpu",
) -> Detector:
    """Return the detector of a word or file name.

    Args:
        source: "background", a detector network NAME.onnx, a MOT detection file NAME.txt, or
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
        return OnnxDetector(word, min_score=limit, threads=threads, device=device)
    if suffix == ".txt":
        return MotDetections(word, min_score=min_score or 0.0)
    if suffix or Path(word).exists() or "/" in word:
        raise ValueError(
            f"detector: expected 'background', a .onnx or .txt file or the name of a torchvision "
            f"model, got {word!r}"
        )
    return TorchvisionDetector(word, min_score=limit, device=device)
