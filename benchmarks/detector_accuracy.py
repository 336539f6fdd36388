"""Average precision at IoU 0.5 and milliseconds per frame of person detectors on real sequences.

    python -m benchmarks.detector_accuracy ../shared/data/models/rtmdet_nano_person.onnx

Frames are evenly spaced in each sequence. MOT16 ground truth is reduced to the pedestrians that
are scored; detections on the other labelled boxes count as false.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import cli_options, provenance
from benchmarks.lib.inputs import data_root
from deepsort_reid import Detections
from deepsort_reid.io.mot import read_ground_truth
from deepsort_reid.io.mot_sequences import read_sequence
from deepsort_reid.io.video_reader import open_video
from deepsort_reid.structures.boxes import iou
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.vision.detectors import load_detector

SEQUENCES = ("TUD-Campus", "TUD-Stadtmitte", "PETS09-S2L1", "MOT16-09")
PEDESTRIAN = 1


class Accuracy(NamedTuple):
    """Average precision in [0, 1], and the median milliseconds per frame of the detector."""

    average_precision: float
    milliseconds: float


def main(argv: Sequence[str] | None = None) -> None:
    """Print a row for each detector and sequence."""
    parser = cli_options.make_parser("detector_accuracy", __doc__)
    parser.add_argument("models", nargs="+", type=Path, help="ONNX files")
    parser.add_argument(
        "--sequence",
        choices=SEQUENCES,
        action="append",
        help="sequence; may be given several times (default: all four)",
    )
    cli_options.add_number(parser, "--frames", 20, "frames per sequence")
    cli_options.add_number(parser, "--threads", 1, "CPU threads")
    cli_options.add_data(parser)
    args = parser.parse_args(argv)
    print(provenance.environment_line("onnxruntime", "numpy", "opencv-python"))
    print(f"{'':<32}{'sequence':<16}{'AP50':>6}{'ms/frame':>10}")
    for model in args.models:
        detector = load_detector(str(model), threads=args.threads)
        for name in args.sequence or SEQUENCES:
            folder = data_root(args.data) / "mot" / name
            result = measure(detector, folder, args.frames)
            print(
                f"{model.name[:31]:<32}{name:<16}{result.average_precision:>6.3f}"
                f"{result.milliseconds:>10.1f}"
            )


def measure(
    detector: Callable[[NDArray[np.uint8]], Detections], folder: Path, frames: int
) -> Accuracy:
    """Measure a detector on evenly spaced frames of a sequence folder."""
    sequence = read_sequence(folder)
    truth = _pedestrians(read_ground_truth(folder / "gt" / "gt.txt"))
    every = max(1, int(truth.frame.max()) // frames)
    found, expected, times = [], [], []
    video = open_video(sequence.frames)
    for number, frame in video.iter_frames(stop=1 + every * (frames - 1), every=every):
        start = time.perf_counter()
        found.append(detector(frame))
        times.append(1000 * (time.perf_counter() - start))
        expected.append(truth.xyxy[truth.frame == number])
    return Accuracy(average_precision(found, expected), float(np.median(times)))


def average_precision(
    found: Sequence[Detections], expected: Sequence[NDArray[np.float64]], min_iou: float = 0.5
) -> float:
    """Area under the interpolated precision-recall curve, NaN without ground truth.

    found: detections of each frame. expected: true boxes (K, 4) of each frame. In the order of
    scores, a detection is true if its best box that is not yet taken overlaps by `min_iou`.
    """
    scores, is_true = [], []
    for detections, boxes in zip(found, expected, strict=True):
        overlap = iou(detections.xyxy, boxes)
        for row in np.argsort(-detections.score, kind="stable"):
            best = int(overlap[row].argmax()) if len(boxes) else -1
            hit = best >= 0 and bool(overlap[row, best] >= min_iou)
            if hit:
                overlap[:, best] = 0
            scores.append(float(detections.score[row]))
            is_true.append(hit)
    count = sum(map(len, expected))
    if not count:
        return float("nan")
    order = np.argsort(-np.array(scores), kind="stable")
    true = np.array(is_true, dtype=np.int64)[order].cumsum()
    precision = np.maximum.accumulate((true / np.arange(1, len(true) + 1))[::-1])[::-1]
    return float((np.diff(true, prepend=0) / count * precision).sum())


def _pedestrians(truth: MotRows) -> MotRows:
    """The rows of pedestrians that are scored; all rows where there are no classes."""
    return truth[(truth.score > 0) & ((truth.class_id == PEDESTRIAN) | (truth.class_id < 0))]


if __name__ == "__main__":
    main()
