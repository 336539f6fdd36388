"""Measure distances of embeddings within and between identities, and the likelihood ratio.

    python -m benchmarks.appearance_distances FILE.onnx ...

Detections get the identity of the ground-truth box that they overlap by at least 0.5. Each identity
has a moving mean of its embeddings, as a track has. A detection is compared with the mean of its
own identity before this frame, and with the means of others that are at most `--reach` box heights
away. Distances are normalised by the mean distance between the detections of a frame. The row
"measured" is the logarithm of the ratio of both densities, all sequences together, "model" that of
`AppearanceLLR` before its cap and floor. Without a FILE: the embedder of the package.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from benchmarks.lib import cli_options, embedding_cache, inputs, provenance
from benchmarks.lib.evaluation import with_embeddings
from benchmarks.lib.inputs import GROUPS, GROUPS_WITH_EMBEDDINGS, Input
from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.tracking import AppearanceLLR, MeanAppearance
from deepsort_reid.vision.embedder import shipped_embedder_path

Array = NDArray[np.float64]

GAPS = ((1, 1), (2, 8), (9, 120))  # frames since the last detection
EDGES = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, np.inf])


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = cli_options.make_parser("appearance_distances", __doc__)
    parser.add_argument(
        "models", nargs="*", type=Path, help="ONNX files (default: the embedder of the package)"
    )
    parser.add_argument(
        "--reach",
        type=float,
        default=1.5,
        help="largest distance of the centres of compared people, in box heights (default: 1.5)",
    )
    cli_options.add_cache(parser)
    cli_options.add_data(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print distances by gap and the log likelihood ratio by distance, for each embedder."""
    args = make_parser().parse_args(argv)
    data = inputs.find_data_root(args.data)
    if data is None:
        return 2
    print(provenance.environment_line("numpy", "onnxruntime"))
    for model in args.models or [shipped_embedder_path()]:
        embeddings = embedding_cache.cached_embeddings(model, args.cache)
        pairs, intra = [], []
        for name in (name for group in GROUPS_WITH_EMBEDDINGS for name in GROUPS[group]):
            sequence = inputs.load(name, data)
            found = compare(sequence, list(with_embeddings(sequence, embeddings)), args.reach)
            pairs.append(found)
            intra.append(float(np.median(found[(found[:, 2] > 0) & (found[:, 1] == 1), 0])))
        print(f"\n{model.name}: median within an identity from one frame to the next, by sequence: "
              f"{min(intra):.2f} to {max(intra):.2f}")  # fmt: skip
        print("\n".join(report(np.concatenate(pairs), float(np.mean(intra)))))
    return 0


def compare(sequence: Input, frames: Sequence[Detections], reach: float) -> Array:
    """Rows (P, 3): normalised distance, frames since the last detection, 1 for one identity."""
    momentum, typical, rows = MeanAppearance().momentum, [], []
    mean: dict[int, NDArray[np.float32]] = {}
    last: dict[int, tuple[int, Array]] = {}  # frame and box
    for number, detections in enumerate(frames, start=1):
        identity = identities(sequence, number, detections)
        assert detections.embedding is not None
        if len(detections) > 1:
            cosine = detections.embedding @ detections.embedding.T
            typical.append(float(np.median(1 - cosine[np.triu_indices(len(cosine), 1)])))
        for row in np.flatnonzero(identity):
            box, embedding = detections.xyxy[row], detections.embedding[row]
            for other, (seen, there) in last.items():
                is_same = other == identity[row]
                near = np.hypot(*((box - there).reshape(2, 2).mean(0))) <= reach * (box[3] - box[1])
                if is_same or near:
                    rows.append((1 - embedding @ mean[other], number - seen, is_same))
        for row in np.flatnonzero(identity):
            key, embedding = int(identity[row]), detections.embedding[row]
            new = momentum * mean.get(key, embedding) + (1 - momentum) * embedding
            mean[key] = new / np.linalg.norm(new)
            last[key] = number, detections.xyxy[row]
    found = np.array(rows, dtype=np.float64)
    found[:, 0] /= np.mean(typical)
    return found


def identities(sequence: Input, number: int, detections: Detections) -> NDArray[np.int64]:
    """Identity (M,) of each detection of a frame, 0 for none."""
    truth = sequence.truth[sequence.truth.frame == number]
    found = np.zeros(len(detections), dtype=np.int64)
    iou = boxes.iou(detections.xyxy, truth.xyxy)
    row, column = linear_sum_assignment(-iou)
    right = iou[row, column] >= 0.5
    found[row[right]] = truth.id[column[right]]
    return found


def report(pairs: Array, intra: float) -> list[str]:
    """Lines for each gap: numbers, means, deviations, and the log likelihood ratios."""
    distance, gap, is_same = pairs[:, 0], pairs[:, 1], pairs[:, 2] > 0
    middle = np.append((EDGES[:-2] + EDGES[1:-1]) / 2, 1.15)
    model = AppearanceLLR(llr_cap=np.inf, llr_floor=-np.inf)
    lines = [f"{'distance':<26}" + "".join(f"{each:7.2f}" for each in middle)]
    for low, high in GAPS:
        within = (gap >= low) & (gap <= high)
        same, other = distance[within & is_same], distance[within & ~is_same]
        lines.append(
            f"{low} to {high} frames later: same {len(same)}, {same.mean():.2f} +- "
            f"{same.std():.2f}; other {len(other)}, {other.mean():.2f} +- {other.std():.2f}"
        )
        share = [np.histogram(each, EDGES)[0] / len(each) for each in (same, other)]
        with np.errstate(divide="ignore", invalid="ignore"):
            measured = np.log(share[0]) - np.log(share[1])
        typical = np.array([int(np.median(gap[within & is_same]))])
        expected = model(middle[None], typical, intra)[0]
        for name, values in (("measured", measured), ("model", expected)):
            lines.append(f"  {name:<24}" + "".join(f"{each:7.1f}" for each in values))
    return lines


if __name__ == "__main__":
    sys.exit(main())
