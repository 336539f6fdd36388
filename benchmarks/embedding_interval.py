"""Measure how many detections are embedded, and the scores, by `embedding_interval`.

    python -m benchmarks.embedding_interval

The embedder is called by the tracker, as in `deepsort-reid track`, and returns cached embeddings.
The first row of each group embeds every detection in every frame (`embedding_interval` 1).
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import cli_options, embedding_cache, inputs, provenance
from benchmarks.lib.evaluation import (
    EmbedInput,
    GroupScores,
    evaluate_runs,
    run_tracker,
    with_embeddings,
)
from benchmarks.lib.inputs import GROUPS, GROUPS_WITH_EMBEDDINGS, Input
from benchmarks.lib.scoring import HEADER
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.tracking import DeepSort, DeepSortConfig
from deepsort_reid.vision.embedder import shipped_embedder_path

INTERVALS = (1, 5, 10)


class StoredEmbedder:
    """Returns stored embeddings of the detections of the current frame, and counts them."""

    def __init__(self) -> None:
        self.count = 0
        self._rows: dict[bytes, NDArray[np.float32]] = {}

    def set_frame(self, detections: Detections) -> None:
        """Set the detections of the current frame, with their embeddings."""
        boxes = (row.tobytes() for row in detections.xyxy)
        embedding = () if detections.embedding is None else detections.embedding
        self._rows = dict(zip(boxes, embedding, strict=True))

    def __call__(self, frame: Any, xyxy: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the embeddings of these boxes, each a box of the current frame."""
        self.count += len(xyxy)
        return np.stack([self._rows[row.tobytes()] for row in xyxy])


class EmbeddingTracker:
    """A tracker that gets detections without embeddings, and calls the embedder itself."""

    def __init__(self, tracker: DeepSort, embedder: StoredEmbedder) -> None:
        self._tracker, self._embedder = tracker, embedder

    def update(self, detections: Detections, *, frame: Any) -> Any:
        """Return the tracks of one frame."""
        self._embedder.set_frame(detections)
        return self._tracker.update(detections.with_embedding(None), frame=frame)


def measure(
    group: str, interval: int, embeddings: str | EmbedInput, data: Path
) -> tuple[GroupScores, int]:
    """Return the scores of a group of sequences, and the number of embedded detections."""
    config = replace(DeepSortConfig(), embedding_interval=interval)
    embedder = StoredEmbedder()

    def run(sequence: Input) -> tuple[MotRows, float]:
        tracker = EmbeddingTracker(DeepSort(config, embedder=embedder), embedder)
        # The pixels are not read, but the tracker takes the image border from the shape.
        black = np.zeros_like(next(sequence.frames()))
        extras = [{"frame": black}] * sequence.length
        return run_tracker(tracker, with_embeddings(sequence, embeddings), extras)

    return evaluate_runs(run, GROUPS[group], data), embedder.count


def report(interval: int, scores: GroupScores, count: int, all_scores: Any, all_count: int) -> str:
    """Return a row: scores, embedded detections, share saved, and differences to interval 1."""
    row, before = scores.combined, all_scores.combined
    saved = f"{100 * (1 - count / all_count):5.1f} %"
    differences = f"{row.hota - before.hota:+6.2f} {row.idf1 - before.idf1:+6.2f}"
    return f"{interval:8d} {row} {count:9d} {saved:>8} {differences}"


def main(argv: Sequence[str] | None = None) -> int:
    parser = cli_options.make_parser("embedding_interval", __doc__)
    parser.add_argument(
        "--intervals",
        type=int,
        nargs="+",
        default=INTERVALS,
        metavar="N",
        help="values of embedding_interval; the first one is compared with (default: 1 5 10)",
    )
    parser.add_argument(
        "--embedder",
        type=Path,
        default=shipped_embedder_path(),
        metavar="ONNX",
        help="embedder (default: the one of the package)",
    )
    parser.add_argument(
        "--stored",
        action="store_true",
        help="use the stored embeddings of OSNet x0.25 instead (default: --embedder)",
    )
    cli_options.add_cache(parser)
    cli_options.add_data(parser)
    args = parser.parse_args(argv)
    data = inputs.find_data_root(args.data)
    if data is None:
        return 2
    print(provenance.environment_line("numpy", "onnxruntime"))
    embeddings: str | EmbedInput = "npz"
    if not args.stored:
        embeddings = embedding_cache.cached_embeddings(args.embedder, args.cache)
    for group in GROUPS_WITH_EMBEDDINGS:
        print(f"\n{group}: {', '.join(GROUPS[group])}")
        print(f"interval {HEADER}  embedded    saved  +HOTA  +IDF1")
        first: tuple[GroupScores, int] | None = None
        for interval in args.intervals:
            measured = measure(group, interval, embeddings, data)
            first = first or measured
            print(report(interval, *measured, *first), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
