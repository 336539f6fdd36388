"""Measure time and memory of a Market-1501 evaluation: 3,368 queries, 19,732 gallery images.

    python -m benchmarks.reid_evaluation [--embedding-dim 512] [--rerank]

Identities and cameras are real, embeddings are random, as time and memory do not depend on them.
For the scores of an embedder, see `deepsort-reid eval-reid`.
"""

import time
from collections.abc import Sequence

import numpy as np

from benchmarks.lib import cli_options, inputs, provenance
from benchmarks.lib.process_memory import peak_megabytes
from deepsort_reid.reid.data.datasets import Sample, read_market1501
from deepsort_reid.reid.evaluation.rerank import Reranking
from deepsort_reid.reid.evaluation.retrieval import ReidResult, evaluate_reid


def main(argv: Sequence[str] | None = None) -> int:
    parser = cli_options.make_parser("reid_evaluation", __doc__)
    cli_options.add_data(parser)
    cli_options.add_number(parser, "--embedding-dim", 512, "length of an embedding")
    parser.add_argument(
        "--rerank", action="store_true", help="with k-reciprocal re-ranking (default: without)"
    )
    args = parser.parse_args(argv)
    root = inputs.data_folder(args.data) / "reid" / "Market-1501-v15.09.15"
    queries = read_market1501(root / "query")
    gallery = read_market1501(root / "bounding_box_test")
    print(provenance.environment_line("numpy"))
    before = peak_megabytes()
    start = time.perf_counter()
    result = evaluate_random_embeddings(queries, gallery, args.embedding_dim, rerank=args.rerank)
    seconds = time.perf_counter() - start
    print(
        f"{len(queries)} x {len(gallery)} at {args.embedding_dim}: {seconds:.1f} s, peak memory "
        f"{peak_megabytes():.0f} MB ({before:.0f} MB before); chance mAP "
        f"{result.mean_average_precision:.2%}"
    )
    return 0


def evaluate_random_embeddings(
    queries: Sequence[Sample],
    gallery: Sequence[Sample],
    embedding_dim: int,
    *,
    rerank: bool = False,
) -> ReidResult:
    """Evaluate random embeddings: distances, CMC and mAP at chance level."""
    rng = np.random.default_rng(0)
    return evaluate_reid(
        rng.standard_normal((len(queries), embedding_dim), np.float32),
        [sample.identity for sample in queries],
        [sample.camera for sample in queries],
        rng.standard_normal((len(gallery), embedding_dim), np.float32),
        [sample.identity for sample in gallery],
        [sample.camera for sample in gallery],
        reranking=Reranking() if rerank else None,
    )


if __name__ == "__main__":
    raise SystemExit(main())
