"""`deepsort-reid eval-reid`: how well an embedder finds people again, with pictures."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from deepsort_reid.reid.data.datasets import Sample
    from deepsort_reid.reid.evaluation.report import Evaluation

Embed = Callable[[Sequence[NDArray[np.uint8]]], NDArray[np.float32]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("data", type=Path, help="Market-1501, identity folders, or a folder with query/ gallery/")
    add(
        "--embedder",
        type=Path,
        help="ONNX file, checkpoint .pt or run folder (default: the shipped one)",
    )
    add("--out", type=Path, default=Path("reid-report"), help="folder (default: %(default)s)")
    add("--rerank", action="store_true", help="k-reciprocal re-ranking (Zhong et al. 2017)")
    add(
        "--min-frame-gap",
        type=int,
        default=0,
        metavar="FRAMES",
        help="leave out answers so close in the same video, for crops with a manifest",
    )
    add("--identities", type=Path, help="text file with the identities to ask for, one in a line")
    add("--no-report", action="store_true", help="only the table")
    add("--threads", type=int, help="of the CPU, for an ONNX file")
    add("--quiet", action="store_true", help="no progress bar")


def run(args: argparse.Namespace) -> None:
    from tqdm import tqdm

    from deepsort_reid.reid.evaluation.report import Evaluation, write_report
    from deepsort_reid.reid.evaluation.rerank import Reranking
    from deepsort_reid.reid.evaluation.retrieval import evaluate_each_against_all, evaluate_reid

    queries, gallery = _read(args.data, args.identities)
    if queries is not None and args.min_frame_gap:
        raise ValueError(
            "--min-frame-gap goes with one set of crops, where every picture asks all others"
        )
    _frames(gallery, args.min_frame_gap)  # complains before minutes have gone into embedding
    name, embed = _embedder(args.embedder, args.threads)
    count = len(gallery) + (len(queries) if queries is not None else 0)
    quiet = True if args.quiet else None  # None: off where stderr is no terminal
    with tqdm(total=count, desc="embedding", unit="image", disable=quiet) as bar:
        gallery, gallery_embedding, problems = _embed_all(gallery, embed, bar.update)
        identity = [sample.identity for sample in gallery]
        camera = [sample.camera for sample in gallery]
        if queries is not None:
            queries, query_embedding, more = _embed_all(queries, embed, bar.update)
            problems += more
    reranking = Reranking() if args.rerank else None
    all_ask = queries is None
    if queries is None:
        rows = _askers(gallery)
        queries = [gallery[row] for row in rows]
        result = evaluate_each_against_all(
            gallery_embedding,
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
            gallery_embedding,
            identity,
            camera,
            reranking=reranking,
        )
    data = args.data.resolve().name
    evaluation = Evaluation(
        name,
        data,
        queries,
        gallery,
        gallery_embedding,
        result,
        problems,
        reranked=args.rerank,
        min_frame_gap=args.min_frame_gap,
    )
    # Crops know their frame but no camera; Market-1501 leaves out the same camera anyway.
    is_easy = all_ask and not args.min_frame_gap and any(s.frame >= 0 > s.camera for s in gallery)
    _print_table(evaluation, is_easy=is_easy)
    if not args.no_report:
        with tqdm(desc="drawing", unit="part", disable=quiet) as bar:

            def step(title: str) -> None:
                bar.set_postfix_str(title)
                bar.update()

            page = write_report(args.out, evaluation, step=step)
        print(f"report: {page}")


def _read(data: Path, people: Path | None) -> tuple[list["Sample"] | None, list["Sample"]]:
    """Queries, or None where every gallery picture asks, and the gallery."""
    from deepsort_reid.reid.data.datasets import read_dataset, read_market1501

    queries: list[Sample] | None = None
    if (data / "bounding_box_test").is_dir() and (data / "query").is_dir():
        queries = read_market1501(data / "query")
        gallery = read_market1501(data / "bounding_box_test")
    elif (data / "query").is_dir() and (data / "gallery").is_dir():
        queries, gallery = read_dataset(data / "query"), read_dataset(data / "gallery")
    else:
        gallery = read_dataset(data)
    if people is not None:
        wanted = set(people.read_text(encoding="utf-8").split())
        known = {sample.identity for sample in gallery}
        if not wanted & known:
            raise ValueError(f"{people}: none of its {len(wanted)} identities is in {data}")
        gallery = [sample for sample in gallery if sample.identity in wanted]
        if queries is not None:
            queries = [sample for sample in queries if sample.identity in wanted]
    return queries, gallery


def _askers(samples: Sequence["Sample"]) -> NDArray[np.int64]:
    """Rows that may ask where everybody asks: not the junk and distractors of Market-1501."""
    from deepsort_reid.reid.data.datasets import DISTRACTOR, JUNK

    nobody = [s.identity in (JUNK, DISTRACTOR) and s.camera >= 0 for s in samples]
    return np.flatnonzero(~np.array(nobody, np.bool_))


def _frames(samples: Sequence["Sample"], min_frame_gap: int) -> list[int] | None:
    """Frames of the samples, where a gap is asked for."""
    if min_frame_gap == 0:
        return None
    if min_frame_gap < 0 or any(sample.frame < 0 for sample in samples):
        raise ValueError(
            f"--min-frame-gap {min_frame_gap}: expected 0 or more frames, and crops with a "
            "manifest that lists their frames"
        )
    return [sample.frame for sample in samples]


def _embedder(path: Path | None, threads: int | None) -> tuple[str, Embed]:
    """Name and function from BGR uint8 crops to unit rows."""
    if path is not None and path.is_dir():
        path = path / ("best.pt" if (path / "best.pt").is_file() else "last.pt")
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
    """Samples that could be read, their embeddings, and the problems of the others."""
    from deepsort_reid.reid.data.datasets import read_crop

    kept: list[Sample] = []
    problems: list[str] = []
    rows = []
    for start in range(0, len(samples), 256):
        crops = []
        for sample in samples[start : start + 256]:
            try:
                image = read_crop(sample.path)
            except ValueError as error:
                problems.append(str(error))
                continue
            crops.append(image)
            kept.append(sample)
        if crops:
            rows.append(embed(crops))
        progress(len(samples[start : start + 256]))
    if not kept:
        raise ValueError(f"none of {len(samples)} images can be used; the first: {problems[0]}")
    return kept, np.concatenate(rows), problems


def _print_table(evaluation: "Evaluation", *, is_easy: bool) -> None:
    from deepsort_reid.reid.evaluation.report_page import summary, summary_over_identities

    result = evaluation.result
    for problem in evaluation.problems[:5]:
        print(f"left out {problem}")
    if len(evaluation.problems) > 5:
        print(f"... {len(evaluation.problems)} images left out in all")
    if result.without_match:
        print(
            f"{result.without_match} queries have no right answer in the gallery and do not count"
        )
    if is_easy:
        print(
            "note: neighbouring frames of one video answer each other, which is easy; "
            "--min-frame-gap FRAMES, such as a second of the video, leaves them out"
        )
    print(
        f"{evaluation.embedder} on {evaluation.data}: {len(result.matched_queries)} queries of "
        f"{len(result.per_identity)} people, {len(evaluation.gallery)} gallery images"
    )
    tables = {"over queries": summary(result), "over people": summary_over_identities(result)}
    print(" " * 14 + "".join(f"{name:>9}" for name in tables["over queries"]))
    for name, scores in tables.items():
        print(f"{name:<14}" + "".join(f"{value:>9.1%}" for value in scores.values()))
