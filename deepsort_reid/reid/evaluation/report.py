"""One self-contained HTML page, and the pictures it shows, out of an evaluation."""

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.reid.data.datasets import DISTRACTOR, JUNK, Sample, read_crop
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
from deepsort_reid.reid.evaluation.report_page import (
    RANKS,
    ReportImage,
    render_page,
    summary,
    summary_over_identities,
)
from deepsort_reid.reid.evaluation.result import ReidResult
from deepsort_reid.reid.evaluation.tsne import tsne
from deepsort_reid.reid.evaluation.verification import auc_by_gap, pair_similarity

MAX_TSNE_IDENTITIES, MAX_TSNE_POINTS = (
    36,
    700,
)  # more colours cannot be told apart; more points take minutes

RANKED = ReportImage(
    "ranked.png",
    "Queries and their answers",
    "Nine queries from the hardest to the easiest, each with its first ten answers and their "
    "similarity. Green: right, red: wrong.",
)
BEST = ReportImage(
    "best_identities.png",
    "The people found best",
    "Gallery set of each person, in the order in which a typical query of theirs finds it; the "
    "number is the rank.",
)
WORST = ReportImage(
    "worst_identities.png",
    "The people found worst",
    "The same for the other end. In red, wrong answers that came before the first right one.",
)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Everything that was evaluated; queries may be the gallery itself."""

    embedder: str
    data: str
    queries: Sequence[Sample]  # Q
    gallery: Sequence[Sample]  # G
    gallery_embedding: NDArray[np.float32]  # (G, D) unit rows
    result: ReidResult
    problems: Sequence[str] = ()  # "path: why" of pictures left out
    reranked: bool = False
    min_frame_gap: int = 0  # frames within which answers of the same person were left out


def write_report(
    folder: Path | str, evaluation: Evaluation, *, step: Callable[[str], None] | None = None
) -> Path:
    """Write scores.json, per_identity.csv, the pictures and report.html; the page's path.

    `step` is told what is being drawn. The page holds its pictures: it can be sent as one file.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    result = evaluation.result
    scores = {
        "embedder": evaluation.embedder,
        "data": evaluation.data,
        "queries": len(evaluation.queries),
        "queries_without_match": result.without_match,
        "gallery": len(evaluation.gallery),
        "left_out": list(evaluation.problems),
        "reranked": evaluation.reranked,
        "min_frame_gap": evaluation.min_frame_gap,
        "over_queries": summary(result),
        "over_identities": summary_over_identities(result),
    }
    (folder / "scores.json").write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
    _write_per_identity(folder / "per_identity.csv", result)
    pictures: list[ReportImage] = []
    for title, draw in (
        ("curves", _draw_curves),
        ("pairs", _draw_pairs),
        ("map", _draw_map),
        ("rankings", _draw_rankings),
    ):
        if step is not None:
            step(title)
        pictures += draw(folder, evaluation)
    page = folder / "report.html"
    page.write_text(
        render_page(
            f"{evaluation.embedder} on {evaluation.data}",
            _facts(evaluation),
            result,
            [(picture, (folder / picture.file).read_bytes()) for picture in pictures],
            evaluation.problems,
        ),
        encoding="utf-8",
    )
    return page


def _draw_curves(folder: Path, evaluation: Evaluation) -> list[ReportImage]:
    plots.save(plots.cmc_figure(evaluation.result), folder / "cmc.png")
    plots.save(plots.precision_recall_figure(evaluation.result), folder / "precision_recall.png")
    return [
        ReportImage(
            "cmc.png", "Cumulative match", "How often the first k answers hold a right one."
        ),
        ReportImage(
            "precision_recall.png",
            "Precision and recall",
            "How many answers are right when the list is read until a share of the right ones "
            "has come; averaged over queries.",
        ),
    ]


def _draw_pairs(folder: Path, evaluation: Evaluation) -> list[ReportImage]:
    rows = _real_people(evaluation.gallery)
    samples = [evaluation.gallery[row] for row in rows]
    embedding = evaluation.gallery_embedding[rows]
    identity = [sample.identity for sample in samples]
    pairs = pair_similarity(embedding, identity, camera=[sample.camera for sample in samples])
    plots.save(plots.similarity_figure(pairs), folder / "similarity.png")
    found = [
        ReportImage(
            "similarity.png",
            "Same and different people",
            "Cosine similarity of pairs of gallery pictures"
            + (" from two cameras" if samples[0].camera >= 0 else "")
            + ". Where the humps cross, a threshold decides by tossing a coin.",
        )
    ]
    # Only crops with a manifest tell their sequence; frame numbers of other data mean other things.
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
            text = (
                "Pairs of one person against pairs of two, both so many frames apart in one "
                "sequence. 0.5 is a guess, 1 is never wrong."
            )
            found.append(ReportImage("auc_by_gap.png", "How recognition fades with time", text))
    return found


def _draw_map(folder: Path, evaluation: Evaluation) -> list[ReportImage]:
    rows = _real_people(evaluation.gallery)
    names = np.array([evaluation.gallery[row].identity for row in rows])
    people, counts = np.unique(names, return_counts=True)
    chosen = people[np.argsort(-counts, kind="stable")[:MAX_TSNE_IDENTITIES]]
    rows = rows[np.isin(names, chosen)]
    rows = rows[evenly_spaced(len(rows), MAX_TSNE_POINTS)]
    if len(rows) < 4:
        return []
    place = tsne(evaluation.gallery_embedding[rows])
    identity = [evaluation.gallery[row].identity for row in rows]
    plots.save(plots.tsne_figure(place, identity), folder / "tsne.png")
    text = (
        f"t-SNE of {len(rows)} gallery pictures of the {len(set(identity))} people with most "
        "pictures, coloured by person. Only neighbourhoods mean something, not axes or distances."
    )
    return [ReportImage("tsne.png", "Map of embeddings", text)]


def _draw_rankings(folder: Path, evaluation: Evaluation) -> list[ReportImage]:
    result = evaluation.result
    matched_queries = result.matched_queries
    order = matched_queries[np.argsort(result.average_precision[matched_queries], kind="stable")]
    hard_to_easy = order[evenly_spaced(len(order), 9)]
    drawn = [
        (RANKED, [_ranking(evaluation, int(row)) for row in hard_to_easy]),
        (BEST, _gallery_sets(evaluation, best=True)),
        (WORST, _gallery_sets(evaluation, best=False)),
    ]
    for picture, rows in drawn:
        write_png(folder / picture.file, montage(rows, separate_first_column=True))
    return [picture for picture, _ in drawn]


def _ranking(evaluation: Evaluation, query: int, most: int = 10) -> list[Tile]:
    """The query and its first answers."""
    result = evaluation.result
    sample = evaluation.queries[query]
    tiles = [Tile(_bgr(sample), sample.identity[-10:], QUERY)]
    for place, row in enumerate(result.ranked[query, :most]):
        if row >= 0:
            colour = CORRECT if result.correct[query, place] else WRONG
            text = f"{result.similarity[query, place]:.2f}"
            tiles.append(Tile(_bgr(evaluation.gallery[row]), text, colour))
    return tiles


def _gallery_sets(
    evaluation: Evaluation, *, best: bool, people: int = 5, most: int = 10
) -> list[list[Tile]]:
    """One row for each of the best or worst people: a typical query and the person's pictures."""
    result = evaluation.result
    scored = sorted(result.per_identity, key=lambda person: person.mean_average_precision)
    chosen = scored[::-1][:people] if best else scored[:people]
    rows = []
    for person in chosen:
        own = result.matched_queries[result.identity[result.matched_queries] == person.identity]
        typical = own[np.argsort(result.average_precision[own])[len(own) // 2]]
        sample = evaluation.queries[typical]
        tiles = [Tile(_bgr(sample), f"AP {person.mean_average_precision:.0%}", QUERY)]
        ranks, found = result.correct_ranks[typical], result.correct_rows[typical]
        before = [(place + 1, result.ranked[typical, place], WRONG) for place in range(3)]
        after = [(int(rank), row, CORRECT) for rank, row in zip(ranks, found, strict=True)]
        for rank, row, colour in [*before[: ranks[0] - 1], *after][:most]:
            tiles.append(Tile(_bgr(evaluation.gallery[row]), f"{rank}", colour))
        rows.append(tiles)
    return rows


def _bgr(sample: Sample) -> NDArray[np.uint8]:
    return read_crop(sample.path)


def _real_people(samples: Sequence[Sample]) -> NDArray[np.int64]:
    """Rows of people who have a name: neither junk nor the distractors of Market-1501."""
    return np.array(
        [
            row
            for row, sample in enumerate(samples)
            if sample.identity != JUNK
            and not (sample.identity == DISTRACTOR and sample.camera >= 0)
        ],
        np.int64,
    )


def _write_per_identity(path: Path, result: ReidResult) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["identity", "queries", *(f"rank-{rank}" for rank in RANKS), "AP", "INP"])
        for person in result.per_identity:
            cmc = [person.cmc[min(rank, len(person.cmc) - 1)] for rank in RANKS]
            values = [*cmc, person.mean_average_precision, person.mean_inverse_penalty]
            writer.writerow([person.identity, person.queries, *(f"{v:.4f}" for v in values)])


def _facts(evaluation: Evaluation) -> str:
    result = evaluation.result
    facts = (
        f"{len(result.matched_queries):,} queries of {len(result.per_identity):,} people against "
        f"{len(evaluation.gallery):,} gallery pictures."
    )
    if evaluation.reranked:
        facts += " With k-reciprocal re-ranking."
    if evaluation.min_frame_gap:
        facts += f" Answers {evaluation.min_frame_gap} frames or fewer from the query are left out."
    if result.without_match:
        facts += f" {result.without_match:,} queries without a right answer do not count."
    if evaluation.problems:
        facts += f" {len(evaluation.problems):,} pictures could not be used and are left out."
    return facts
