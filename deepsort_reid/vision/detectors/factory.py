"""Choice of a detector by a word or a file name."""

from collections.abc import Sequence
from pathlib import Path

from deepsort_reid.structures.detections import Detector
from deepsort_reid.vision import model_files
from deepsort_reid.vision.detectors.background import BackgroundSubtraction
from deepsort_reid.vision.detectors.onnx_detector import OnnxDetector
from deepsort_reid.vision.detectors.precomputed import MotDetections
from deepsort_reid.vision.detectors.torchvision_coco import TorchvisionDetector

DEFAULT_MIN_SCORE = 0.1
TORCHVISION_PREFIX = "torchvision:"


def load_detector(
    source: str | Path | Detector,
    *,
    min_score: float | None = None,
    classes: Sequence[int | str] | None = (0,),
    threads: int | None = None,
    device: str = "cpu",
) -> Detector:
    """Return the detector of a word or file name.

    Args:
        source: "background"; "yolox_tiny" or "yolox_s", which are downloaded once; a detector
            network FILE.onnx; a MOT detection file FILE.txt; or "torchvision:NAME", a COCO model
            of torchvision. A callable is returned unchanged. A name is never a file.
        min_score: detections with a lower score are dropped; by default 0.1, and 0 for a MOT file.
        classes: what a network detects, by number or name (COCO: 0 is "person"); None for all.
        threads: upper limit of CPU threads of an ONNX model.
        device: where a network runs: as for `Embedder` for an ONNX model, as for
            `TorchvisionDetector` for a model of torchvision.

    Raises:
        ValueError: the word names no detector, the file is not valid, or there is no such device.
        OSError: the file cannot be read, or a network or weights cannot be downloaded.
        ModuleNotFoundError: the detector needs torchvision, which is not installed.
    """
    if callable(source):
        return source
    limit = DEFAULT_MIN_SCORE if min_score is None else min_score
    word = str(source)
    check_detector(word)
    if word == "background":
        return BackgroundSubtraction(min_score=limit)
    if word in model_files.DETECTORS:
        file = model_files.fetch_detector(word)
        return OnnxDetector(file, min_score=limit, classes=classes, threads=threads, device=device)
    if word.startswith(TORCHVISION_PREFIX):
        name = word.removeprefix(TORCHVISION_PREFIX)
        return TorchvisionDetector(name, min_score=limit, classes=classes, device=device)
    if Path(word).suffix.lower() == ".txt":
        return MotDetections(word, min_score=min_score or 0.0)
    return OnnxDetector(word, min_score=limit, classes=classes, threads=threads, device=device)


def check_detector(word: str) -> None:
    """Check the word or file name of a detector without loading it.

    Raises:
        ValueError: the word names no detector.
        FileNotFoundError: there is no such file.
    """
    if word == "background" or word in model_files.DETECTORS or word.startswith(TORCHVISION_PREFIX):
        return
    path = Path(word)
    if path.suffix.lower() not in {".onnx", ".txt"}:
        raise ValueError(
            f"detector: expected background, {', '.join(model_files.DETECTORS)}, a file FILE.onnx "
            f"or FILE.txt, or {TORCHVISION_PREFIX}NAME, got {word!r}"
        )
    if path.suffix.lower() == ".onnx" and not path.exists():
        published = path.stem in model_files.DETECTORS
        remedy = f"; the name {path.stem}, without .onnx, is downloaded" if published else ""
        raise FileNotFoundError(f"{path}: no such ONNX file{remedy}")
