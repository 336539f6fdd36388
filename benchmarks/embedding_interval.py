"""Measure how many detections are embedded, and the scores, by `embedding_interval`.

    python -m benchmarks.embedding_interval

The embedder is called by the tracker, as in `deepsort-reid track`, and returns cached embeddings.
The first row of each group embeds every detection in every frame (`embedding_interval` 1).

One changed decision can change HOTA of these short sequences by one point. Every interval is
therefore measured on the embeddings and on `--copies` of them with noise of length 0.05 (a cosine
of 0.999, nearer than that of a float32 and an int8 network). Rows show means and differences to the
first row with their standard errors. "lowest HOTA" is that of a single run.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import cli_options, embedding_cache, inputs, provenance
from benchmarks.lib.evaluation import (
    EmbedInput,
    evaluate_runs,
    run_tracker,
    with_embeddings,
)
from benchmarks.lib.inputs import GROUPS, GROUPS_WITH_EMBEDDINGS, Input
from benchmarks.lib.scoring import ScoreRow
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.tracking import DeepSort, DeepSortConfig
from deepsort_reid.vision.embedder import shipped_embedder_path

INTERVALS = (1, 16)
NOISE = 0.05  # length of the difference of two unit rows


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


class Result(NamedTuple):
    """One run over a group of sequences."""

    row: ScoreRow
    embedded: int  # number of detections


def with_noise(embeddings: str | EmbedInput, copy: int) -> str | EmbedInput:
    """The embeddings, for copies from 1 with noise that has the number of the copy as its seed."""
    if not copy:
        return embeddings

    def embed(sequence: Input) -> list[NDArray[np.float32]]:
        rng, noisy = np.random.default_rng(copy), []
        for detections in with_embeddings(sequence, embeddings):
            assert detections.embedding is not None
            noise = rng.normal(size=detections.embedding.shape)
            noise *= NOISE / np.linalg.norm(noise, axis=1, keepdims=True)
            rows = detections.embedding + noise
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            noisy.append(rows.astype(np.float32))
        return noisy

    return embed


def measure(group: str, interval: int, embeddings: str | EmbedInput, data: Path) -> Result:
    """Return the scores of a group of sequences, and the number of embedded detections."""
    config = replace(DeepSortConfig(), embedding_interval=interval)
    embedder = StoredEmbedder()

    def run(sequence: Input) -> tuple[MotRows, float]:
        tracker = EmbeddingTracker(DeepSort(config, embedder=embedder), embedder)
        # The pixels are not read, but the tracker takes the image border from the shape.
        black = np.zeros_like(next(sequence.frames()))
        extras = [{"frame": black}] * sequence.length
        return run_tracker(tracker, with_embeddings(sequence, embeddings), extras)

    return Result(evaluate_runs(run, GROUPS[group], data).combined, embedder.count)


def report(interval: int, results: Sequence[Result], first: Sequence[Result]) -> str:
    """Return a row: mean scores, share of embeddings saved, and differences to `first`."""
    saved = 1 - sum(each.embedded for each in results) / sum(each.embedded for each in first)
    cells = [f"{interval:8d}"]
    for name in ("hota", "idf1"):
        cells.append(f"{np.mean([getattr(each.row, name) for each in results]):6.2f}")
    cells.append(f"{np.mean([each.row.switches for each in results]):6.1f}")
    cells.append(f"{min(each.row.hota for each in results):11.2f}")
    cells.append(f"{100 * saved:6.1f} %")
    for name in ("hota", "idf1"):
        pairs = zip(results, first, strict=True)
        change = np.array([getattr(a.row, name) - getattr(b.row, name) for a, b in pairs])
        error = change.std(ddof=1) / np.sqrt(len(change)) if len(change) > 1 else np.nan
        cells.append(f"{change.mean():+6.2f} +-{error:5.2f}")
    return " ".join(cells)


HEADER = "interval   HOTA   IDF1   IDSW lowest HOTA    saved         +HOTA         +IDF1"


def main(argv: Sequence[str] | None = None) -> int:
    parser = cli_options.make_parser("embedding_interval", __doc__)
    parser.add_argument(
        "--intervals",
        type=int,
        nargs="+",
        default=INTERVALS,
        metavar="N",
        help="values of embedding_interval; the first one is compared with (default: 1 16)",
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
    cli_options.add_number(
        parser, "--copies", 3, "number of copies of the embeddings with noise", metavar="N"
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
        print(HEADER)
        first: list[Result] | None = None
        for interval in args.intervals:
            results = [
                measure(group, interval, with_noise(embeddings, copy), data)
                for copy in range(args.copies + 1)
            ]
            first = first or results
            print(report(interval, results, first), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
