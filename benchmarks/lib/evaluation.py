"""Run trackers on the benchmark inputs and score their results.

evaluate_group(lambda: DeepSort(config), "frames+yolox").combined.idf1
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from benchmarks.lib import inputs, single_core, trackeval_adapter
from benchmarks.lib.inputs import GROUPS, Input
from benchmarks.lib.scoring import ScoreRow
from deepsort_reid.metrics import (
    ReidAfterGapCounts,
    Scores,
    ScoringRules,
    compare_under_rules,
    evaluate,
    reid_after_gap,
)
from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows

TrackerFactory = Callable[[], Any]
# Tracks a whole input; returns the result and the seconds spent.
RunOnInput = Callable[[Input], tuple[MotRows, float]]
# Replaces the stored embeddings of an input: one array (M, D) per frame.
EmbedInput = Callable[[Input], list[NDArray[np.float32]]]


@dataclass(frozen=True)
class GroupScores:
    """Result of one tracker on one group of sequences."""

    sequences: dict[str, ScoreRow]
    combined: ScoreRow
    ms_per_frame: float
    predicted: dict[str, MotRows]
    scores: dict[str, Scores]  # counts per sequence, for example for a bootstrap


def evaluate_group(
    tracker_factory: TrackerFactory,
    group: str,
    *,
    embeddings: str | EmbedInput | None = "npz",
    with_frames: bool = False,
    with_warps: bool = False,
    only: Iterable[str] | None = None,
    data: Path | None = None,
) -> GroupScores:
    """Track every sequence of a group with a new tracker and score the result.

    Args:
        tracker_factory: returns a new tracker with `update(detections)`, whose result has `id` and
            `xyxy`; called once per sequence.
        group: a key of `GROUPS`.
        embeddings: "npz" for the stored ones, None for none, or a function that returns unit rows
            (M, D) for each frame of an `Input` (see `embedding_cache.cached_embeddings`).
        with_frames: pass `frame=` (BGR) to `update`; only for groups with frames.
        with_warps: pass `camera=` (2, 3), the affine from the previous frame, from the
            camera-motion files (MOT16-09 and MOT17); the identity without a file.
        only: names of inputs to use; default all inputs of the group.
        data: the data folder; default `data_root()`.
    """
    root = inputs.data_root(data)

    def run(sequence: Input) -> tuple[MotRows, float]:
        detections = with_embeddings(sequence, embeddings)
        extras = _update_arguments(sequence, with_frames, with_warps, root)
        return run_tracker(tracker_factory(), detections, extras)

    return evaluate_runs(run, GROUPS[group] if only is None else only, root)


def evaluate_runs(run: RunOnInput, names: Iterable[str], data: Path) -> GroupScores:
    """Call `run` on each of the inputs `names` and score its results."""
    predicted, seconds, frames = {}, 0.0, 0
    for name in names:
        sequence = inputs.load(name, data)
        predicted[name], spent = run(sequence)
        seconds, frames = seconds + spent, frames + sequence.length
    return score_results(predicted, 1000 * seconds / frames, data)


def score_results(predicted: dict[str, MotRows], ms_per_frame: float, data: Path) -> GroupScores:
    """Score results by input name, each by the protocol of its input, and combined."""
    scores = {}
    for name, result in predicted.items():
        sequence = inputs.load(name, data)
        scores[name] = evaluate(
            sequence.truth, result, protocol=sequence.protocol, frames=sequence.length
        )
    return GroupScores(
        {name: ScoreRow.of(each) for name, each in scores.items()},
        ScoreRow.of(sum(scores.values(), Scores())),
        ms_per_frame,
        predicted,
        scores,
    )


def count_reid_after_gap(predicted: dict[str, MotRows], data: Path) -> ReidAfterGapCounts:
    """Count by gap length how often an identity has the same id before and after the gap."""
    counts = ReidAfterGapCounts()
    for name, result in predicted.items():
        sequence = inputs.load(name, data)
        rules = ScoringRules(protocol=sequence.protocol)
        counts += reid_after_gap(
            compare_under_rules(sequence.truth, result, rules, frames=sequence.length)
        )
    return counts


def trackeval_scores(predicted: dict[str, MotRows], data: Path) -> ScoreRow:
    """Score the same results with TrackEval, combined."""
    counts = {}
    for name, result in predicted.items():
        sequence = inputs.load(name, data)
        counts[name] = trackeval_adapter.evaluate_sequence(
            sequence.truth, result, sequence.length, sequence.protocol
        )
    return trackeval_adapter.score_row(trackeval_adapter.combine(counts))


def run_tracker(
    tracker: Any, detections: Iterable[Detections], extras: Iterable[dict[str, Any]]
) -> tuple[MotRows, float]:
    """Return all tracks that a tracker reports, and the seconds spent in its `update`."""
    tracks, seconds = [], 0.0
    now = single_core.clock()[1]
    for in_frame, arguments in zip(detections, extras, strict=True):
        start = now()
        tracks.append(tracker.update(in_frame, **arguments))
        seconds += now() - start
    return tracks_to_rows(range(1, len(tracks) + 1), tracks), seconds


def tracks_to_rows(numbers: Sequence[int], tracks: Sequence[Any]) -> MotRows:
    """Join the tracks (`id`, `xyxy`) of the frames `numbers` into one result."""
    frame = np.repeat(np.array(numbers), [len(each.id) for each in tracks])
    ids = np.concatenate([each.id for each in tracks])
    return result_rows(frame, ids, np.concatenate([each.xyxy for each in tracks]))


def result_rows(frame: NDArray[Any], ids: NDArray[Any], xyxy: NDArray[Any]) -> MotRows:
    """Return rows of a tracking result with score 1 and unknown class."""
    n = len(frame)
    return MotRows(
        frame=frame.astype(np.int64),
        id=ids.astype(np.int64),
        xyxy=xyxy.astype(float),
        score=np.ones(n),
        class_id=np.full(n, -1, dtype=np.int64),
        visibility=np.ones(n),
    )


def with_embeddings(sequence: Input, embeddings: str | EmbedInput | None) -> Iterable[Detections]:
    """Return the detections of each frame with the embeddings that `evaluate_group` describes.

    Raises:
        ValueError: `embeddings` is another text than "npz".
    """
    if embeddings == "npz":
        return sequence.detections
    if embeddings is None:
        return [in_frame.with_embedding(None) for in_frame in sequence.detections]
    if isinstance(embeddings, str):
        raise ValueError(f'embeddings must be "npz", None or a function, got {embeddings!r}')
    return [
        in_frame.with_embedding(rows)
        for in_frame, rows in zip(sequence.detections, embeddings(sequence), strict=True)
    ]


def _update_arguments(
    sequence: Input, with_frames: bool, with_warps: bool, data: Path
) -> Iterable[dict[str, Any]]:
    """Return the keyword arguments of `update`, one dict per frame."""
    if with_frames:
        return ({"frame": frame} for frame in sequence.frames())
    if with_warps:
        try:
            return [{"camera": warp} for warp in sequence.warps(data)]
        except FileNotFoundError:
            return [{"camera": np.eye(2, 3)}] * sequence.length
    return [{}] * sequence.length


def upper_bound(group: str, *, min_score: float = 0.3, data: Path | None = None) -> GroupScores:
    """Score the raw detections with ids from the ground truth.

    Each detection of at least `min_score` gets the id of the box that it matches with IoU >= 0.5;
    detections without such a box are removed, as a perfect tracker would not report them.
    """
    data = inputs.data_root(data)
    predicted = {name: _with_true_ids(inputs.load(name, data), min_score) for name in GROUPS[group]}
    return score_results(predicted, 0.0, data)


def _with_true_ids(sequence: Input, min_score: float) -> MotRows:
    # MOT16/17 distractors are not pedestrians; the unscored boxes of MOT15 are.
    pedestrians = sequence.truth
    if sequence.protocol == "mot16":
        pedestrians = pedestrians[pedestrians.score > 0]
    frame, ids, xyxy = [], [], []
    for number, in_frame in enumerate(sequence.detections, start=1):
        detections = in_frame[in_frame.score >= min_score]
        truth = pedestrians[pedestrians.frame == number]
        iou = boxes.iou(truth.xyxy, detections.xyxy)
        rows, columns = linear_sum_assignment(np.where(iou >= 0.5, iou, 0), maximize=True)
        matched = iou[rows, columns] >= 0.5
        frame.append(np.full(int(matched.sum()), number))
        ids.append(truth.id[rows[matched]])
        xyxy.append(detections.xyxy[columns[matched]])
    return result_rows(np.concatenate(frame), np.concatenate(ids), np.concatenate(xyxy))
