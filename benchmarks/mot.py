"""The yardstick: our configurations, the ceiling and the peers on the same real detections.

    python -m benchmarks.mot                     # everything, four groups
    python -m benchmarks.mot --group MOT17-SDP --only DeepSort

In research: `evaluate_group(lambda: DeepSort(config), "frames+yolox").combined.idf1`.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from benchmarks.lib import embedding_cache, inputs, one_core, peers, provenance, trackeval_adapter
from benchmarks.lib.configurations import RUNGS
from benchmarks.lib.inputs import GROUPS, GROUPS_WITH_EMBEDDINGS, Input
from benchmarks.lib.scoring import HEADER, Figures
from deepsort_reid.metrics import (
    ReidAfterGapCounts,
    Scores,
    ScoringRules,
    compare_under_rules,
    evaluate,
    reid_after_gap,
    reid_after_gap_table,
)
from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows

TrackerFactory = Callable[[], Any]
# A tracker's answer to a whole input, and the seconds it took.
Follow = Callable[[Input], tuple[MotRows, float]]
# What replaces the stored embeddings of a sequence: one (M, D) per frame.
Embed = Callable[[Input], list[NDArray[np.float32]]]


@dataclass(frozen=True)
class GroupScores:
    """A tracker on one group: scores per sequence and together, and what it reported."""

    sequences: dict[str, Figures]
    combined: Figures
    ms_per_frame: float
    predicted: dict[str, MotRows]
    scores: dict[str, Scores]  # the counts behind the figures, e.g. for a bootstrap


def evaluate_group(
    tracker_factory: TrackerFactory,
    group: str,
    *,
    embeddings: str | Embed | None = "npz",
    with_frames: bool = False,
    with_warps: bool = False,
    only: Iterable[str] | None = None,
    data: Path | None = None,
) -> GroupScores:
    """Track every sequence of a group with a fresh tracker and score the result.

    Args:
        tracker_factory: gives a new tracker with `update(detections)`, whose result has `id` and
            `xyxy`; called once per sequence.
        group: a key of `GROUPS`.
        embeddings: "npz" as stored, None for none, or a function that gives (M, D) unit rows per
            frame of an `Input` (see `embeddings_from`).
        with_frames: pass `frame=` (BGR) to `update`; the groups with frames only.
        with_warps: pass `camera=` (2, 3), the affine from the frame before to this one, from the
            camera-motion files (MOT16-09 and MOT17); the identity where there is no file.
        only: names of inputs, to leave sequences out; default all of the group.
        data: the data folder; default `data_root()`.
    """
    root = inputs.data_root(data)

    def follow(given: Input) -> tuple[MotRows, float]:
        detections = with_embeddings(given, embeddings)
        extras = _extras(given, with_frames, with_warps, root)
        return track(tracker_factory(), detections, extras)

    return evaluate_by(follow, GROUPS[group] if only is None else only, root)


def evaluate_by(follow: Follow, names: Iterable[str], data: Path) -> GroupScores:
    """Follow each of the inputs `names`, and score what comes out."""
    predicted, seconds, frames = {}, 0.0, 0
    for name in names:
        given = inputs.load(name, data)
        predicted[name], spent = follow(given)
        seconds, frames = seconds + spent, frames + given.length
    return score(predicted, 1000 * seconds / frames, data)


def score(predicted: dict[str, MotRows], ms_per_frame: float, data: Path) -> GroupScores:
    """Score the results of some inputs, each by its own protocol, and all together."""
    found = {}
    for name, result in predicted.items():
        given = inputs.load(name, data)
        found[name] = evaluate(given.truth, result, protocol=given.protocol, frames=given.length)
    return GroupScores(
        {name: Figures.of(each) for name, each in found.items()},
        Figures.of(sum(found.values(), Scores())),
        ms_per_frame,
        predicted,
        found,
    )


def recovered(predicted: dict[str, MotRows], data: Path) -> ReidAfterGapCounts:
    """Who came back, and who with the same id, by the length of the gap."""
    counts = ReidAfterGapCounts()
    for name, result in predicted.items():
        given = inputs.load(name, data)
        rules = ScoringRules(protocol=given.protocol)
        counts += reid_after_gap(
            compare_under_rules(given.truth, result, rules, frames=given.length)
        )
    return counts


def by_trackeval(predicted: dict[str, MotRows], data: Path) -> Figures:
    """The combined figures of the same results by TrackEval."""
    counts = {}
    for name, result in predicted.items():
        given = inputs.load(name, data)
        counts[name] = trackeval_adapter.count(given.truth, result, given.length, given.protocol)
    return trackeval_adapter.figures(trackeval_adapter.combine(counts))


def track(
    tracker: Any, detections: Iterable[Detections], extras: Iterable[dict[str, Any]]
) -> tuple[MotRows, float]:
    """All tracks a tracker reports, and the seconds spent in its `update`."""
    found, seconds = [], 0.0
    now = one_core.clock()[1]
    for here, extra in zip(detections, extras, strict=True):
        start = now()
        found.append(tracker.update(here, **extra))
        seconds += now() - start
    return rows_of(range(1, len(found) + 1), found), seconds


def rows_of(numbers: Sequence[int], found: Sequence[Any]) -> MotRows:
    """The tracks (`id`, `xyxy`) of frames with these numbers as one result."""
    frame = np.repeat(np.array(numbers), [len(tracks.id) for tracks in found])
    ids = np.concatenate([tracks.id for tracks in found])
    return rows(frame, ids, np.concatenate([tracks.xyxy for tracks in found]))


def rows(frame: NDArray[Any], ids: NDArray[Any], xyxy: NDArray[Any]) -> MotRows:
    """Rows of a result: everything has score 1 and an unknown class."""
    n = len(frame)
    return MotRows(
        frame=frame.astype(np.int64),
        id=ids.astype(np.int64),
        xyxy=xyxy.astype(float),
        score=np.ones(n),
        class_id=np.full(n, -1, dtype=np.int64),
        visibility=np.ones(n),
    )


def with_embeddings(given: Input, embeddings: str | Embed | None) -> Iterable[Detections]:
    """The detections of an input, frame by frame, with the embeddings asked for."""
    if embeddings == "npz":
        return given.detections
    if embeddings is None:
        return [here.with_embedding(None) for here in given.detections]
    if isinstance(embeddings, str):
        raise ValueError(f'embeddings must be "npz", None or a function, got {embeddings!r}')
    return [
        here.with_embedding(rows)
        for here, rows in zip(given.detections, embeddings(given), strict=True)
    ]


def _extras(
    given: Input, with_frames: bool, with_warps: bool, data: Path
) -> Iterable[dict[str, Any]]:
    """The keyword arguments of `update`, one dict per frame."""
    if with_frames:
        return ({"frame": frame} for frame in given.frames())
    if with_warps:
        try:
            return [{"camera": warp} for warp in given.warps(data)]
        except FileNotFoundError:
            return [{"camera": np.eye(2, 3)}] * given.length
    return [{}] * given.length


def ceiling(group: str, *, min_score: float = 0.3, data: Path | None = None) -> GroupScores:
    """What these detections allow: each gets the id of the truth it covers best (IoU >= 0.5).

    A box on nobody is left out: a perfect tracker would not report it.
    """
    data = inputs.data_root(data)
    predicted = {name: _true_ids(inputs.load(name, data), min_score) for name in GROUPS[group]}
    return score(predicted, 0.0, data)


def _true_ids(given: Input, min_score: float) -> MotRows:
    # A box on a distractor is nobody's; MOT15's unconsidered people are people all the same.
    everybody = given.truth
    if given.protocol == "mot16":
        everybody = everybody[everybody.score > 0]
    frame, ids, xyxy = [], [], []
    for number, here in enumerate(given.detections, start=1):
        here = here[here.score >= min_score]
        truth = everybody[everybody.frame == number]
        overlap = boxes.iou(truth.xyxy, here.xyxy)
        true, seen = linear_sum_assignment(np.where(overlap >= 0.5, overlap, 0), maximize=True)
        covered = overlap[true, seen] >= 0.5
        frame.append(np.full(int(covered.sum()), number))
        ids.append(truth.id[true[covered]])
        xyxy.append(here.xyxy[seen[covered]])
    return rows(np.concatenate(frame), np.concatenate(ids), np.concatenate(xyxy))


def table(group: str, chosen: str, options: dict[str, Any]) -> Iterator[tuple[str, GroupScores]]:
    """The rows of one group's table whose name has `chosen`, as they are measured."""
    if chosen in "ceiling":
        yield "ceiling", ceiling(group, data=options["data"])
    for name, factory in RUNGS.items():
        if chosen in name:
            yield name, evaluate_group(factory, group, **options)
    without_video = {**options, "with_frames": False, "with_warps": False}
    for name, factory in peers.available().items():
        with_looks = group in GROUPS_WITH_EMBEDDINGS and options["embeddings"] is not None
        can_run = with_looks or not name.startswith("deep-sort-realtime")
        if chosen in name and can_run:
            yield name, evaluate_group(factory, group, **without_video)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    inputs.add_arguments(parser)
    parser.add_argument("--only", default="", metavar="TEXT", help="rows whose name has TEXT")
    parser.add_argument("--embedder", type=Path, metavar="ONNX", help="instead of stored OSNet")
    parser.add_argument("--motion-only", action="store_true", help="no embeddings for anybody")
    parser.add_argument(
        "--cache", type=Path, default=embedding_cache.default_cache(), metavar="DIR"
    )
    parser.add_argument("--frames", action="store_true", help="pass frame= to our trackers")
    parser.add_argument("--warps", action="store_true", help="pass camera= to our trackers")
    parser.add_argument("--sequences", action="store_true", help="a row for each sequence, too")
    parser.add_argument(
        "--reid-after-gap", action="store_true", help="same id after a gap, by length"
    )
    parser.add_argument("--check", action="store_true", help="TrackEval's figures below ours")
    args = parser.parse_args(argv)
    try:
        data = inputs.data_root(args.data)
        if args.check:
            provenance.require("trackeval")
    except (FileNotFoundError, ModuleNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    print(provenance.line("numpy", "trackeval", "deep-sort-realtime", "trackers"))
    for text in peers.missing():
        print(text)
    for group in args.group or GROUPS:
        embed: str | Embed | None = None if args.motion_only else "npz"
        if args.embedder and group in GROUPS_WITH_EMBEDDINGS:
            embed = embedding_cache.stored(args.embedder, args.cache)
        options = {"data": data, "embeddings": embed, "with_warps": args.warps}
        options["with_frames"] = args.frames and group in GROUPS_WITH_EMBEDDINGS
        print(f"\n{group}: {', '.join(GROUPS[group])}")
        print(f"{'':32} {HEADER} ms/frame")
        returns = {}
        for name, found in table(group, args.only, options):
            returns[name] = recovered(found.predicted, data)
            print(f"{name:32} {found.combined} {found.ms_per_frame:8.2f}", flush=True)
            for sequence, figures in found.sequences.items() if args.sequences else ():
                print(f"  {sequence:30} {figures}")
            if args.check:
                print(f"{'  by TrackEval':32} {by_trackeval(found.predicted, data)}", flush=True)
        if args.reid_after_gap:
            print(f"same id after a gap\n{reid_after_gap_table(returns)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
