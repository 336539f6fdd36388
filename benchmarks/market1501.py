"""Embedder files on the whole test of Market-1501, and what mirroring and the pieces give.

python -m benchmarks.market1501 FILE.onnx ... [--mirror] [--pieces 3]
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.lib import provenance
from deepsort_reid import Embedder
from deepsort_reid.reid.data.datasets import Sample, read_crop, read_market1501
from deepsort_reid.reid.evaluation.retrieval import evaluate_reid

DATA = Path("../shared/data")


def main(argv: Sequence[str] | None = None) -> None:
    """One line per file and variant: 3,368 queries against the gallery with its distractors."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.market1501", description=__doc__)
    parser.add_argument("models", nargs="*", type=Path, help="ONNX files (default: ours)")
    parser.add_argument("--data", type=Path, default=DATA, help="has reid/Market-1501-v15.09.15")
    parser.add_argument("--mirror", action="store_true", help="also mean with the mirror image")
    parser.add_argument("--pieces", type=int, default=1, help="also each so many-th part alone")
    parser.add_argument("--threads", type=int)
    args = parser.parse_args(argv)
    folder = args.data / "reid" / "Market-1501-v15.09.15"
    query = read_market1501(folder / "query")
    gallery = read_market1501(folder / "bounding_box_test")
    print(provenance.line("onnxruntime", "numpy", "opencv-python"))
    print(f"{'':<44}{'rank-1':>8}{'rank-5':>8}{'mAP':>8}{'mINP':>8}")
    for model in args.models or [None]:
        embedder = Embedder(model, threads=args.threads)
        sides = [embed(embedder, samples, mirror=False) for samples in (query, gallery)]
        score(Path(embedder.name).name, sides, query, gallery)
        for piece in range(args.pieces if args.pieces > 1 else 0):
            parts = [np.split(side, args.pieces, 1)[piece] for side in sides]
            score(f"  piece {piece + 1} of {args.pieces}", parts, query, gallery)
        if args.mirror:
            mirrored = [embed(embedder, samples, mirror=True) for samples in (query, gallery)]
            both = [one + other for one, other in zip(sides, mirrored, strict=True)]
            score("  mean with the mirror image", both, query, gallery)


def embed(embedder: Embedder, samples: Sequence[Sample], *, mirror: bool) -> NDArray[np.float32]:
    """Unit rows (N, D) of pictures from disk."""
    rows = []
    for start in tqdm(range(0, len(samples), 256), leave=False, disable=None):
        images = [read_crop(sample.path) for sample in samples[start : start + 256]]
        crops = [image[:, ::-1] if mirror else image for image in images]
        rows.append(embedder.embed_crops([np.ascontiguousarray(crop) for crop in crops]))
    return np.concatenate(rows)


def score(
    name: str,
    sides: Sequence[NDArray[np.float32]],
    query: Sequence[Sample],
    gallery: Sequence[Sample],
) -> None:
    """Print one line."""
    rows = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in sides]
    result = evaluate_reid(
        rows[0],
        [sample.identity for sample in query],
        [sample.camera for sample in query],
        rows[1],
        [sample.identity for sample in gallery],
        [sample.camera for sample in gallery],
    )
    scores = (result.cmc[1], result.cmc[5], result.mean_average_precision)
    print(
        f"{name:<44}" + "".join(f"{value:>8.1%}" for value in scores)
        + f"{result.mean_inverse_penalty:>8.1%}", flush=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
