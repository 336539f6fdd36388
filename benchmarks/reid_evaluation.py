"""What a full Market-1501 evaluation costs: 3,368 queries against 19,732 gallery pictures.

    python -m benchmarks.reid_evaluation [--data FOLDER] [--width 512] [--rerank]

Identities and cameras are the real ones, embeddings are random: the work does not depend on them.
For scores of an embedder: `deepsort-reid eval-reid FOLDER/reid/Market-1501-v15.09.15`.
"""

import argparse
import math
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.lib import provenance
from deepsort_reid.reid.data.datasets import Sample, read_market1501
from deepsort_reid.reid.evaluation.rerank import Reranking
from deepsort_reid.reid.evaluation.retrieval import ReidResult, evaluate_reid


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    data = os.environ.get("DEEPSORT_REID_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(data))
    parser.add_argument("--width", type=int, default=512, help="of an embedding")
    parser.add_argument("--rerank", action="store_true")
    args = parser.parse_args(argv)
    root = args.data / "reid" / "Market-1501-v15.09.15"
    queries = read_market1501(root / "query")
    gallery = read_market1501(root / "bounding_box_test")
    print(provenance.line("numpy"))
    before = peak_megabytes()
    start = time.perf_counter()
    result = evaluate_at_random(queries, gallery, args.width, rerank=args.rerank)
    seconds = time.perf_counter() - start
    print(
        f"{len(queries)} x {len(gallery)} at {args.width}: {seconds:.1f} s, process peaks at "
        f"{peak_megabytes():.0f} MB ({before:.0f} MB before); mAP of chance "
        f"{result.mean_average_precision:.2%}"
    )
    return 0


def peak_megabytes() -> float:
    """The most memory this process has held; nan where the system does not tell."""
    status = Path("/proc/self/status")
    text = status.read_text(encoding="utf-8") if status.is_file() else ""
    found = re.search(r"VmHWM:\s+(\d+)", text)
    return int(found[1]) / 1024 if found else math.nan


def evaluate_at_random(
    queries: Sequence[Sample], gallery: Sequence[Sample], width: int, *, rerank: bool = False
) -> ReidResult:
    """Distances, CMC and mAP for embeddings that know nothing."""
    rng = np.random.default_rng(0)
    return evaluate_reid(
        rng.standard_normal((len(queries), width), np.float32),
        [sample.identity for sample in queries],
        [sample.camera for sample in queries],
        rng.standard_normal((len(gallery), width), np.float32),
        [sample.identity for sample in gallery],
        [sample.camera for sample in gallery],
        reranking=Reranking() if rerank else None,
    )


if __name__ == "__main__":
    raise SystemExit(main())
