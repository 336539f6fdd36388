"""Evaluate embedder files on the whole test set of Market-1501: CMC, mAP and mINP.

python -m benchmarks.market1501 FILE.onnx ... [--flip-tta] [--parts 3]
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.lib import cli_options, inputs, provenance
from deepsort_reid import Embedder
from deepsort_reid.reid.data.datasets import Sample, read_crop, read_market1501
from deepsort_reid.reid.evaluation.retrieval import evaluate_reid

BATCH = 256  # images that are read at a time


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = cli_options.make_parser("market1501", __doc__)
    parser.add_argument(
        "models", nargs="*", type=Path, help="ONNX files (default: the embedder of the package)"
    )
    cli_options.add_data(parser)
    parser.add_argument(
        "--flip-tta",
        action="store_true",
        help="also evaluate the mean with the embedding of the mirrored image (default: no)",
    )
    cli_options.add_number(
        parser, "--parts", 1, "also evaluate each of N equal parts of the embedding", metavar="N"
    )
    parser.add_argument(
        "--threads", type=int, help="CPU threads (default: the choice of onnxruntime)"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Print one line per file and variant: 3,368 queries against 19,732 gallery images."""
    args = make_parser().parse_args(argv)
    folder = inputs.data_folder(args.data) / "reid" / "Market-1501-v15.09.15"
    query = read_market1501(folder / "query")
    gallery = read_market1501(folder / "bounding_box_test")
    print(provenance.environment_line("onnxruntime", "numpy", "opencv-python"))
    print(f"{'':<44}{'rank-1':>8}{'rank-5':>8}{'mAP':>8}{'mINP':>8}")
    for model in args.models or [None]:
        embedder = Embedder(model, threads=args.threads)
        plain = [embed(embedder, samples, mirror=False) for samples in (query, gallery)]
        print_scores(Path(embedder.name).name, plain, query, gallery)
        for part in range(args.parts if args.parts > 1 else 0):
            parts = [np.split(embedding, args.parts, 1)[part] for embedding in plain]
            print_scores(f"  part {part + 1} of {args.parts}", parts, query, gallery)
        if args.flip_tta:
            mirrored = [embed(embedder, samples, mirror=True) for samples in (query, gallery)]
            sums = [one + other for one, other in zip(plain, mirrored, strict=True)]
            print_scores("  mean with the mirrored image", sums, query, gallery)


def embed(embedder: Embedder, samples: Sequence[Sample], *, mirror: bool) -> NDArray[np.float32]:
    """Return unit rows (N, D) of images from disk, mirrored or not."""
    rows = []
    for start in tqdm(range(0, len(samples), BATCH), leave=False, disable=None):
        images = [read_crop(sample.path) for sample in samples[start : start + BATCH]]
        crops = [image[:, ::-1] if mirror else image for image in images]
        rows.append(embedder.embed_crops([np.ascontiguousarray(crop) for crop in crops]))
    return np.concatenate(rows)


def print_scores(
    name: str,
    embeddings: Sequence[NDArray[np.float32]],
    query: Sequence[Sample],
    gallery: Sequence[Sample],
) -> None:
    """Evaluate the embeddings of (query, gallery), each (N, D), and print one line."""
    rows = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in embeddings]
    result = evaluate_reid(
        rows[0],
        [sample.identity for sample in query],
        [sample.camera for sample in query],
        rows[1],
        [sample.identity for sample in gallery],
        [sample.camera for sample in gallery],
    )
    scores = (
        result.cmc[1],
        result.cmc[5],
        result.mean_average_precision,
        result.mean_inverse_penalty,
    )
    print(f"{name:<44}" + "".join(f"{value:>8.1%}" for value in scores), flush=True)


if __name__ == "__main__":
    main()
