"""Report of an evaluation: one self-contained HTML page, its images, JSON and CSV tables."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.text_cells import safe_cell
from deepsort_reid.reid.data.datasets import JUNK, Sample, read_crop
from deepsort_reid.reid.evaluation import plots
from deepsort_reid.reid.evaluation.montage import (
    CORRECT,
    QUERY,
    WRONG,
    Tile,
    evenly_spaced,
    montage,
    write_png,
)
from deepsort_reid.reid.evaluation.report_page import ReportImage, render_page
from deepsort_reid.reid.evaluation.result import IdentityScores, ReidResult
from deepsort_reid.reid.evaluation.summary import (
    RANKS,
    Evaluation,
    summary,
    summary_over_identities,
)
from deepsort_reid.reid.evaluation.tsne import tsne
from deepsort_reid.reid.evaluation.verification import auc_by_gap, pair_similarity

MAX_TSNE_IDENTITIES = 36  # more colours cannot be distinguished
MAX_TSNE_POINTS = 700  # more points take minutes

RANKED = ReportImage(
    "ranked.png",
    "Queries and their rankings",
    "Nine queries from the hardest to the easiest, each with its first ten gallery images and "
    "their similarity. Green: same identity, red: another identity.",
)
BEST = ReportImage(
    "best_identities.png",
    "Identities with the highest average precision",
    "Gallery images of each identity in the order in which its median query ranks them; the number "
    "is the rank.",
)
WORST = ReportImage(
    "worst_identities.png",
    "Identities with the lowest average precision",
    "As above. Red: images of other identities ranked before the first correct one.",
)


def write_report(
    folder: Path | str, evaluation: Evaluation, *, step: Callable[[str], None] | None = None
) -> Path:
    """Write scores.json, per_identity.csv, the images and report.html; returns the HTML path.

    step: called with the name of each part before it is drawn. The images are embedded in the page.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    scores = json.dumps(_scores(evaluation), indent=1)
    (folder / "scores.json").write_text(f"{scores}\n", encoding="utf-8")
    _write_per_identity(folder / "per_identity.csv", evaluation.result)
    images: list[ReportImage] = []
    for title, draw in (
        ("curves", _draw_curves),
        ("pairs", _draw_pairs),
        ("t-SNE", _draw_tsne),
        ("rankings", _draw_rankings),
    ):
        if step is not None:
            step(title)
        images += draw(folder, evaluation)
    page = folder / "report.html"
    page.write_text(
        render_page(
            f"{evaluation.embedder} on {evaluation.data}",
            _description(evaluation),
            evaluation.result,
            [(image, (folder / image.file).read_bytes()) for image in images],
            evaluation.problems,
        ),
        encoding="utf-8",
    )
    return page


def _scores(evaluation: Evaluation) -> dict[str, object]:
    """Content of scores.json."""
    return {
        "embedder": evaluation.embedder,
        "data": evaluation.data,
        "queries": len(evaluation.queries),
        "queries_without_match": evaluation.result.without_match,
        "gallery": len(evaluation.gallery),
        "skipped": list(evaluation.problems),
        "reranked": evaluation.reranked,
        "min_frame_gap": evaluation.min_frame_gap,
        "over_queries": summary(evaluation.result),
        "over_identities": summary_over_identities(evaluation.result),
    }


def _draw_curves(folder: Path, evaluation: Evaluation) -> list[ReportImage]:
    plots.save(plots.cmc_figure(evaluation.result), folder / "cmc.png")
    plots.save(plots.precision_recall_figure(evaluation.result), folder / "precision_recall.png")
    return [
        ReportImage(
            "cmc.png",
            "Cumulative match characteristic",
            "Share of queries with a correct match in the first k gallery images.",
        ),
        ReportImage(
            "precision_recall.png",
            "Precision and recall",
            "Interpolated precision at each recall, averaged over queries.",
        ),
    ]


def _draw_pairs(folder: Path, evaluation: Evaluation) -> list[ReportImage]:
    rows = _evaluated_rows(evaluation.gallery)
    samples = [evaluation.gallery[row] for row in rows]
    embedding = evaluation.gallery_embedding[rows]
    identity = [sample.identity for sample in samples]
    pairs = pair_similarity(embedding, identity, camera=[sample.camera for sample in samples])
    plots.save(plots.similarity_figure(pairs), folder / "similarity.png")
    images = [
        ReportImage(
            "similarity.png",
            "Similarity of same and different identities",
            "Cosine similarity of pairs of gallery images"
            + (" from different cameras" if samples[0].camera >= 0 else "")
            + ". The smaller the overlap of the two histograms, the better a threshold separates "
            "them.",
        )
    ]
    # Only crops with a manifest have frame numbers that are comparable within a sequence.
    timed = [row for row, s in enumerate(samples) if s.frame >= 0 and "/" in s.track]
    if timed:
        curve = auc_by_gap(
            embedding[timed],
            [identity[row] for row in timed],
            [samples[row].frame for row in timed],
            [samples[row].track.rpartition("/")[0] for row in timed],
        )
        if np.isfinite(curve.auc).any():
            plots.save(plots.auc_by_gap_figure(curve), folder / "auc_by_gap.png")
            caption = (
                "ROC AUC of same-identity against different-identity pairs with this number of "
                "frames between the two images of one sequence. 0.5 is chance, 1 is perfect."
            )
            images.append(ReportImage("auc_by_gap.png", "Verification over time", caption))
    return images


def _draw_tsne(folder: Path, evaluation: Evaluation) -> list[ReportImage]:
    rows = _evaluated_rows(evaluation.gallery)
    names = np.array([evaluation.gallery[row].identity for row in rows])
    distinct, counts = np.unique(names, return_counts=True)
    chosen = distinct[np.argsort(-counts, kind="stable")[:MAX_TSNE_IDENTITIES]]
    rows = rows[np.isin(names, chosen)]
    rows = rows[evenly_spaced(len(rows), MAX_TSNE_POINTS)]
    if len(rows) < 4:
        return []
    layout = tsne(evaluation.gallery_embedding[rows])
    identity = [evaluation.gallery[row].identity for row in rows]
    plots.save(plots.tsne_figure(layout, identity), folder / "tsne.png")
    caption = (
        f"{len(rows)} gallery images of the {len(set(identity))} identities with most images, "
        "coloured by identity. Only neighbourhoods are meaningful, not axes or distances."
    )
    return [ReportImage("tsne.png", "t-SNE of the embeddings", caption)]


def _draw_rankings(folder: Path, evaluation: Evaluation) -> list[ReportImage]:
    result = evaluation.result
    matched = result.matched_queries
    order = matched[np.argsort(result.average_precision[matched], kind="stable")]
    hardest_first = order[evenly_spaced(len(order), 9)]
    drawn = [
        (RANKED, [_ranking(evaluation, int(row)) for row in hardest_first]),
        (BEST, _identity_rankings(evaluation, best=True)),
        (WORST, _identity_rankings(evaluation, best=False)),
    ]
    for image, rows in drawn:
        write_png(folder / image.file, montage(rows, separate_first_column=True))
    return [image for image, _ in drawn]


def _ranking(evaluation: Evaluation, query: int, limit: int = 10) -> list[Tile]:
    """Tiles of a query and its first `limit` gallery images."""
    result = evaluation.result
    sample = evaluation.queries[query]
    tiles = [Tile(read_crop(sample.path), sample.identity, QUERY)]
    for position, row in enumerate(result.ranked[query, :limit]):
        if row >= 0:
            colour = CORRECT if result.correct[query, position] else WRONG
            caption = f"{result.similarity[query, position]:.2f}"
            tiles.append(Tile(read_crop(evaluation.gallery[row].path), caption, colour))
    return tiles


def _identity_rankings(
    evaluation: Evaluation, *, best: bool, count: int = 5, limit: int = 10
) -> list[list[Tile]]:
    """One row of tiles for each of the `count` best or worst identities."""
    scored = sorted(evaluation.result.per_identity, key=lambda each: each.mean_average_precision)
    chosen = scored[::-1][:count] if best else scored[:count]
    return [_identity_ranking(evaluation, scores, limit) for scores in chosen]


def _identity_ranking(evaluation: Evaluation, scores: IdentityScores, limit: int) -> list[Tile]:
    """Tiles of the median query of an identity and of its correct matches, at most `limit`.

    Wrong images before the first correct one, at most three, come first.
    """
    result = evaluation.result
    own = result.matched_queries[result.identity[result.matched_queries] == scores.identity]
    median = own[np.argsort(result.average_precision[own])[len(own) // 2]]
    sample = evaluation.queries[median]
    tiles = [Tile(read_crop(sample.path), f"AP {scores.mean_average_precision:.0%}", QUERY)]
    ranks, rows = result.correct_ranks[median], result.correct_rows[median]
    wrong = [(place + 1, result.ranked[median, place], WRONG) for place in range(3)]
    correct = [(int(rank), row, CORRECT) for rank, row in zip(ranks, rows, strict=True)]
    for rank, row, colour in [*wrong[: ranks[0] - 1], *correct][:limit]:
        tiles.append(Tile(read_crop(evaluation.gallery[row].path), f"{rank}", colour))
    return tiles


def _evaluated_rows(samples: Sequence[Sample]) -> NDArray[np.int64]:
    """Rows of samples with an identity: neither junk nor distractors of Market-1501."""
    return np.array(
        [
            row
            for row, sample in enumerate(samples)
            if sample.identity != JUNK and not sample.is_junk_or_distractor
        ],
        np.int64,
    )


def _write_per_identity(path: Path, result: ReidResult) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["identity", "queries", *(f"rank-{rank}" for rank in RANKS), "AP", "INP"])
        for scores in result.per_identity:
            cmc = [scores.cmc[min(rank, len(scores.cmc) - 1)] for rank in RANKS]
            values = [*cmc, scores.mean_average_precision, scores.mean_inverse_penalty]
            name = safe_cell(str(scores.identity))
            writer.writerow([name, scores.queries, *(f"{v:.4f}" for v in values)])


def _description(evaluation: Evaluation) -> str:
    """Sentences about the evaluation for the head of the page."""
    result = evaluation.result
    text = (
        f"{len(result.matched_queries):,} queries of {len(result.per_identity):,} identities, "
        f"{len(evaluation.gallery):,} gallery images."
    )
    if evaluation.reranked:
        text += " With k-reciprocal re-ranking."
    if evaluation.min_frame_gap:
        text += (
            f" Gallery images of the query's identity at most {evaluation.min_frame_gap} frames "
            "away are ignored."
        )
    if result.without_match:
        text += f" {result.without_match:,} queries without a correct match are not counted."
    if evaluation.problems:
        text += f" {len(evaluation.problems):,} images could not be used and were skipped."
    return text
