"""Evaluate embedder files on PKU-Reid, a data set on which no embedder of the package is trained.

python -m benchmarks.cross_domain FILE.onnx ... [--data DIR]

PKU-Reid (Zhao et al. 2016, for research only) has 1,184 crops of 74 identities, from two cameras
without overlap and eight directions each. All crops of one camera are the queries, all crops of the
other camera the gallery. The true accept rate (TAR) is the share of same-identity pairs across the
cameras whose similarity exceeds the threshold that 1 % of the different-identity pairs exceed.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import cli_options, inputs, provenance
from benchmarks.market1501 import embed
from deepsort_reid.reid.data.datasets import read_identity_folders
from deepsort_reid.reid.evaluation.retrieval import evaluate_reid
from deepsort_reid.reid.evaluation.verification import PairSimilarity
from deepsort_reid.vision.embedder import Embedder

CAMERAS = ("01", "02")  # prefixes of the file names


@dataclass(frozen=True)
class CrossDomainScores:
    """Retrieval between two cameras and verification of pairs across them; fractions."""

    rank1: tuple[float, float]  # camera 1 to 2, 2 to 1
    mean_average_precision: tuple[float, float]
    true_accept_rate: float  # at a false accept rate of 1 %


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = cli_options.make_parser("cross_domain", __doc__)
    parser.add_argument(
        "models", nargs="*", type=Path, help="ONNX files (default: the embedder of the package)"
    )
    cli_options.add_data(parser)
    parser.add_argument(
        "--threads", type=int, help="CPU threads (default: the choice of onnxruntime)"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Print one line per file."""
    args = make_parser().parse_args(argv)
    folder = inputs.data_folder(args.data) / "reid" / "PKU-Reid"
    print(provenance.environment_line("onnxruntime", "numpy", "opencv-python"))
    columns = ("1>2 rank-1", "mAP", "2>1 rank-1", "mAP", "mean", "mAP", "TAR")
    print(f"{'':<36}" + "".join(f"{column:>11}" for column in columns))
    for model in args.models or [None]:
        embedder = Embedder(model, threads=args.threads)
        scores = score(embedder, folder)
        retrieval = [scores.rank1, scores.mean_average_precision]
        values = [metric[direction] for direction in (0, 1) for metric in retrieval]
        values += [float(np.mean(metric)) for metric in retrieval]
        values.append(scores.true_accept_rate)
        print(f"{Path(embedder.name).name:<36}" + "".join(f"{value:>11.1%}" for value in values))


def score(embedder: Embedder, folder: Path) -> CrossDomainScores:
    """Evaluate an embedder on a folder of images ID/CAMERA_K.png with the cameras 01 and 02.

    Raises ValueError when a camera has no image.
    """
    samples = read_identity_folders(folder)
    sides = [[s for s in samples if s.path.name.startswith(f"{key}_")] for key in CAMERAS]
    for key, side in zip(CAMERAS, sides, strict=True):
        if not side:
            raise ValueError(f"{folder}: expected images ID/{key}_K.png, found none")
    rows = [embed(embedder, side, mirror=False) for side in sides]
    identities = [np.array([sample.identity for sample in side]) for side in sides]
    cameras = [np.full(len(side), camera) for camera, side in enumerate(sides)]
    results = [
        evaluate_reid(rows[a], identities[a], cameras[a], rows[b], identities[b], cameras[b])
        for a, b in ((0, 1), (1, 0))
    ]
    return CrossDomainScores(
        (float(results[0].cmc[1]), float(results[1].cmc[1])),
        (results[0].mean_average_precision, results[1].mean_average_precision),
        true_accept_rate(pairs_across(rows[0], identities[0], rows[1], identities[1])),
    )


def pairs_across(
    embedding: NDArray[np.float32],
    identity: NDArray[np.str_],
    other_embedding: NDArray[np.float32],
    other_identity: NDArray[np.str_],
) -> PairSimilarity:
    """Similarities of all pairs of images of two cameras: unit rows (N, D) and (M, D)."""
    similarity = embedding @ other_embedding.T
    is_same = identity[:, None] == other_identity
    return PairSimilarity(similarity[is_same], similarity[~is_same])


def true_accept_rate(pairs: PairSimilarity, false_accept_rate: float = 0.01) -> float:
    """Share of same-identity pairs above the threshold with the given false accept rate."""
    threshold = np.quantile(pairs.different, 1 - false_accept_rate)
    return float((pairs.same > threshold).mean())


if __name__ == "__main__":
    main()
