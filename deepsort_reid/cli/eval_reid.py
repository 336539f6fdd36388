"""`deepsort-reid eval-reid`: evaluate an embedder by retrieval, with a report."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tqdm import tqdm

    from deepsort_reid.reid.data.datasets import Sample
    from deepsort_reid.reid.evaluation.summary import Evaluation

Embed = Callable[[Sequence[NDArray[np.uint8]]], NDArray[np.float32]]

BATCH_SIZE = 256  # images that are read before they are embedded


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "The report needs the extra [eval], a checkpoint as the embedder the extra [train]."
    )
    add = parser.add_argument
    add(
        "data",
        type=Path,
        help="Market-1501, one folder of images per identity, or a folder with query/ and gallery/",
    )
    add(
        "--embedder",
        type=Path,
        metavar="FILE",
        help="ONNX file, checkpoint (.pt) or run folder of train (default: the embedder of the "
        "package)",
    )
    add(
        "--out",
        type=Path,
        default=Path("reid-report"),
        metavar="FOLDER",
        help="folder for report.html, its images and tables (default: %(default)s)",
    )
    add(
        "--rerank",
        action="store_true",
        help="k-reciprocal re-ranking, Zhong et al. 2017 (default: rank by cosine similarity)",
    )
    add(
        "--min-frame-gap",
        type=int,
        default=0,
        metavar="FRAMES",
        help="ignore gallery images of the query's identity at most FRAMES frames away, which are "
        "nearly equal to the query; for crops with a manifest (default: %(default)s, ignore none)",
    )
    add(
        "--identities",
        type=Path,
        metavar="FILE",
        help="text file with the identities to evaluate, one per line (default: all)",
    )
    add(
        "--no-report",
        action="store_true",
        help="print the scores only (default: write the report as well)",
    )
    add("--threads", type=int, metavar="N", help="CPU threads (default: chosen by the runtime)")
    add("--quiet", action="store_true", help="no progress bar (default: shown on a terminal)")


def run(args: argparse.Namespace) -> None:
    if not args.no_report:
        # A missing plotting package is reported before the embedding, which may take minutes.
        from deepsort_reid.reid.evaluation.report import write_report
    queries, gallery = _read(args.data, args.identities)
    if queries is not None and args.min_frame_gap:
        raise ValueError("--min-frame-gap: expected one set of crops, got query/ and gallery/")
    _frames(gallery, args.min_frame_gap)  # validated before the embedding as well
    evaluation = _evaluate(args, queries, gallery)
    # Crops have a frame number but no camera; Market-1501 ignores images of the same camera.
    has_near_frames = (
        queries is None
        and not args.min_frame_gap
        and any(sample.frame >= 0 > sample.camera for sample in evaluation.gallery)
    )
    _print_scores(evaluation, has_near_frames=has_near_frames)
    if not args.no_report:
        with _progress("drawing", "part", quiet=args.quiet) as bar:
            page = write_report(args.out, evaluation, step=lambda title: _next(bar, title))
        print(f"report: {page}")


def _evaluate(
    args: argparse.Namespace, queries: "list[Sample] | None", gallery: "list[Sample]"
) -> "Evaluation":
    """Embed all images and evaluate; `queries` None uses every gallery image as a query."""
    from deepsort_reid.reid.evaluation.rerank import Reranking
    from deepsort_reid.reid.evaluation.retrieval import evaluate_each_against_all, evaluate_reid
    from deepsort_reid.reid.evaluation.summary import Evaluation

    name, embed = _embedder(args.embedder, args.threads)
    count = len(gallery) + (len(queries) if queries is not None else 0)
    with _progress("embedding", "image", quiet=args.quiet, total=count) as bar:
        gallery, embedding, problems = _embed_all(gallery, embed, bar.update)
        if queries is not None:
            queries, query_embedding, query_problems = _embed_all(queries, embed, bar.update)
            problems += query_problems
    identity = [sample.identity for sample in gallery]
    camera = [sample.camera for sample in gallery]
    reranking = Reranking() if args.rerank else None
    if queries is None:
        rows = _query_rows(gallery)
        queries = [gallery[row] for row in rows]
        result = evaluate_each_against_all(
            embedding,
            identity,
            queries=rows,
            camera=camera,
            frame=_frames(gallery, args.min_frame_gap),
            min_frame_gap=args.min_frame_gap,
            reranking=reranking,
        )
    else:
        result = evaluate_reid(
            query_embedding,
            [sample.identity for sample in queries],
            [sample.camera for sample in queries],
            embedding,
            identity,
            camera,
            reranking=reranking,
        )
    data = args.data.resolve().name
    settings = {"reranked": args.rerank, "min_frame_gap": args.min_frame_gap}
    return Evaluation(name, data, queries, gallery, embedding, result, problems, **settings)


def _progress(title: str, unit: str, *, quiet: bool, total: int | None = None) -> "tqdm[Any]":
    from tqdm import tqdm

    # None: no bar where stderr is not a terminal.
    return tqdm(total=total, desc=title, unit=unit, disable=True if quiet else None)


def _next(bar: "tqdm[Any]", title: str) -> None:
    bar.set_postfix_str(title)
    bar.update()


def _read(data: Path, identities: Path | None) -> tuple[list["Sample"] | None, list["Sample"]]:
    """Queries, or None where every gallery image is a query, and gallery."""
    from deepsort_reid.reid.data.datasets import read_dataset, read_market1501

    queries: list[Sample] | None = None
    if (data / "bounding_box_test").is_dir() and (data / "query").is_dir():
        queries = read_market1501(data / "query")
        gallery = read_market1501(data / "bounding_box_test")
    elif (data / "query").is_dir() and (data / "gallery").is_dir():
        queries, gallery = read_dataset(data / "query"), read_dataset(data / "gallery")
    else:
        gallery = read_dataset(data)
    if identities is not None:
        wanted = set(identities.read_text(encoding="utf-8").split())
        if not wanted & {sample.identity for sample in gallery}:
            raise ValueError(f"{identities}: none of its {len(wanted)} identities is in {data}")
        gallery = [sample for sample in gallery if sample.identity in wanted]
        if queries is not None:
            queries = [sample for sample in queries if sample.identity in wanted]
    return queries, gallery


def _query_rows(samples: Sequence["Sample"]) -> NDArray[np.int64]:
    """Rows of the samples that can be queries: not junk and distractors of Market-1501."""
    excluded = [sample.is_junk_or_distractor for sample in samples]
    return np.flatnonzero(~np.array(excluded, np.bool_))


def _frames(samples: Sequence["Sample"], min_frame_gap: int) -> list[int] | None:
    """Frame numbers of the samples; None without --min-frame-gap."""
    if min_frame_gap == 0:
        return None
    if min_frame_gap < 0 or any(sample.frame < 0 for sample in samples):
        raise ValueError(
            f"--min-frame-gap {min_frame_gap}: expected 0 or more frames, and crops with a "
            "manifest that has their frame numbers"
        )
    return [sample.frame for sample in samples]


def _embedder(path: Path | None, threads: int | None) -> tuple[str, Embed]:
    """Name of the embedder, and its function from BGR uint8 crops to unit rows."""
    from deepsort_reid.reid.training.run_folder import checkpoint_file

    if path is not None and path.is_dir():
        path = checkpoint_file(path, prefer_best=True)
    if path is None or path.suffix.lower() not in (".pt", ".pth"):
        from deepsort_reid.vision.embedder import Embedder

        embedder = Embedder(path, threads=threads)
        return Path(embedder.name).name, embedder.embed_crops
    from deepsort_reid.reid.checkpoint_embedder import CheckpointEmbedder

    trained = CheckpointEmbedder(path)
    return trained.name, trained.embed_crops


def _embed_all(
    samples: Sequence["Sample"], embed: Embed, progress: Callable[[int], object]
) -> tuple[list["Sample"], NDArray[np.float32], list[str]]:
    """Usable samples, their embeddings (N, D), and a message for each skipped image."""
    from deepsort_reid.reid.data.datasets import read_crop

    kept: list[Sample] = []
    problems: list[str] = []
    rows = []
    for start in range(0, len(samples), BATCH_SIZE):
        crops = []
        for sample in samples[start : start + BATCH_SIZE]:
            try:
                crops.append(read_crop(sample.path))
            except ValueError as error:
                problems.append(str(error))
                continue
            kept.append(sample)
        if crops:
            rows.append(embed(crops))
        progress(len(samples[start : start + BATCH_SIZE]))
    if not kept:
        raise ValueError(f"none of {len(samples)} images can be used; the first: {problems[0]}")
    return kept, np.concatenate(rows), problems


def _print_scores(evaluation: "Evaluation", *, has_near_frames: bool) -> None:
    from deepsort_reid.reid.evaluation.summary import summary, summary_over_identities

    result = evaluation.result
    for problem in evaluation.problems[:5]:
        print(f"skipped {problem}")
    if len(evaluation.problems) > 5:
        print(f"... {len(evaluation.problems)} images skipped in total")
    if result.without_match:
        print(f"{result.without_match} queries have no correct match and are not counted")
    if has_near_frames:
        print(
            "note: neighbouring frames of one video match each other, which overestimates the "
            "scores; --min-frame-gap FRAMES, such as one second of the video, ignores them"
        )
    print(
        f"{evaluation.embedder} on {evaluation.data}: {len(result.matched_queries)} queries of "
        f"{len(result.per_identity)} identities, {len(evaluation.gallery)} gallery images"
    )
    tables = {"over queries": summary(result), "over identities": summary_over_identities(result)}
    print(" " * 16 + "".join(f"{name:>9}" for name in tables["over queries"]))
    for name, scores in tables.items():
        print(f"{name:<16}" + "".join(f"{value:>9.1%}" for value in scores.values()))
