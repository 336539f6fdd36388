"""CLEAR MOT metrics: MOTA, MOTP, misses, false positives, identity switches and fragments.

K. Bernardin, R. Stiefelhagen: "Evaluating Multiple Object Tracking Performance: the CLEAR MOT
Metrics", EURASIP Journal on Image and Video Processing 2008. Mostly tracked and mostly lost: Y. Li,
C. Huang, R. Nevatia: "Learning to Associate: HybridBoosted Multi-Target Tracker for Crowded Scene",
CVPR 2009.
"""

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.comparison import Comparison
from deepsort_reid.metrics.matching import solve_frame
from deepsort_reid.metrics.overlaps import EPS

THRESHOLD = 0.5  # minimum IoU of a match

# Added to the score of a pair whose ids were matched in the previous frame. It exceeds every sum of
# IoUs, so a matched pair of ids stays matched for as long as its boxes allow it.
CONTINUITY_BONUS = 1000.0

# A pair is accepted without the solver only if it wins by more than the solver's rounding error
# at scores of this size.
MARGIN = 1e-9


@dataclass(frozen=True)
class ClearCounts:
    """Counts of one sequence or, added up, of several.

    The ratios are properties: MOTA, MODA, MOTAL and sMOTA are at most 1, all others in [0, 1].
    """

    matches: int = 0  # TP
    misses: int = 0  # FN
    false_positives: int = 0  # FP
    switches: int = 0  # IDSW
    fragments: int = 0  # Frag
    mostly_tracked: int = 0  # ground-truth ids matched in more than 80 % of their frames
    partly_tracked: int = 0
    mostly_lost: int = 0  # ground-truth ids matched in less than 20 % of their frames
    frames: int = 0
    overlap: float = 0.0  # sum of the IoU of the matches
    # As in TrackEval, all ratios of a single sequence without ground truth or without predictions
    # are 0, except for MLR, which is 1, and its frames are not counted. Sums are not affected.
    one_side_empty: bool = False

    def __add__(self, other: "ClearCounts") -> "ClearCounts":
        names = [field.name for field in fields(self) if field.name != "one_side_empty"]
        return ClearCounts(**{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def truth_boxes(self) -> int:
        return self.matches + self.misses

    @property
    def truth_ids(self) -> int:
        return self.mostly_tracked + self.partly_tracked + self.mostly_lost

    def _ratio(self, part: float, whole: float) -> float:
        return 0.0 if self.one_side_empty else part / max(1.0, whole)

    @property
    def mota(self) -> float:
        """Multi-object tracking accuracy: (TP - FP - IDSW) / ground-truth boxes."""
        correct = self.matches - self.false_positives - self.switches
        return self._ratio(correct, self.truth_boxes)

    @property
    def moda(self) -> float:
        """Multi-object detection accuracy: MOTA without the identity switches."""
        return self._ratio(self.matches - self.false_positives, self.truth_boxes)

    @property
    def motal(self) -> float:
        """MOTA with the logarithm (base 10) of the number of switches."""
        weight = math.log10(self.switches) if self.switches > 0 else 0
        return self._ratio(self.matches - self.false_positives - weight, self.truth_boxes)

    @property
    def smota(self) -> float:
        """Soft MOTA: every match counts by its IoU."""
        correct = self.overlap - self.false_positives - self.switches
        return self._ratio(correct, self.truth_boxes)

    @property
    def motp(self) -> float:
        """Multi-object tracking precision: mean IoU of the matches."""
        return self._ratio(self.overlap, self.matches)

    @property
    def recall(self) -> float:
        return self._ratio(self.matches, self.truth_boxes)

    @property
    def precision(self) -> float:
        return self._ratio(self.matches, self.matches + self.false_positives)

    @property
    def f1(self) -> float:
        return self._ratio(
            self.matches, self.matches + 0.5 * self.misses + 0.5 * self.false_positives
        )

    @property
    def false_positives_per_frame(self) -> float:
        return self._ratio(self.false_positives, self.frames)

    @property
    def mostly_tracked_share(self) -> float:
        return self._ratio(self.mostly_tracked, self.truth_ids)

    @property
    def partly_tracked_share(self) -> float:
        return self._ratio(self.partly_tracked, self.truth_ids)

    @property
    def mostly_lost_share(self) -> float:
        return 1.0 if self.one_side_empty else self._ratio(self.mostly_lost, self.truth_ids)


def clear(comparison: Comparison) -> ClearCounts:
    """The CLEAR counts of one sequence."""
    truth, predicted = comparison.truth, comparison.predicted
    if comparison.one_side_empty:
        return ClearCounts(
            misses=len(truth),
            false_positives=len(predicted),
            mostly_lost=len(truth.ids) if len(predicted) == 0 else 0,
            one_side_empty=True,
        )
    pairs = clear_matches(comparison)
    rows = comparison.pair_truth[pairs]
    order = np.argsort(truth.id[rows], kind="stable")
    rows, pairs = rows[order], pairs[order]
    gt_id = truth.id[rows]
    track_id = predicted.id[comparison.pair_predicted[pairs]]
    frame = shared_frame_index(comparison)[rows]
    same_gt = gt_id[1:] == gt_id[:-1]
    switches = int(np.count_nonzero(same_gt & (track_id[1:] != track_id[:-1])))
    fragments = int(np.count_nonzero(same_gt & (frame[1:] != frame[:-1] + 1)))
    present = np.bincount(truth.id, minlength=len(truth.ids))
    tracked = np.bincount(gt_id, minlength=len(truth.ids)) / present
    mostly = int(np.count_nonzero(tracked > 0.8))
    partly = int(np.count_nonzero(tracked >= 0.2)) - mostly
    return ClearCounts(
        matches=len(pairs),
        misses=len(truth) - len(pairs),
        false_positives=len(predicted) - len(pairs),
        switches=switches,
        fragments=fragments,
        mostly_tracked=mostly,
        partly_tracked=partly,
        mostly_lost=len(truth.ids) - mostly - partly,
        frames=comparison.frames,
        overlap=float(comparison.similarity[pairs].sum()),
    )


def clear_matches(comparison: Comparison, threshold: float = THRESHOLD) -> NDArray[np.int64]:
    """The pairs (K',) that CLEAR matches, as ascending indices into the comparison.

    In each frame, pairs of ids that were matched in the previous frame stay matched, and the other
    matches maximise the sum of the IoU. The previous frame matters only for boxes that overlap
    several boxes: all others are matched for the whole sequence at once.
    """
    previous = _previous_rows(comparison)
    candidates = np.flatnonzero(comparison.similarity >= threshold - EPS)
    row = comparison.pair_truth.take(candidates)
    column = comparison.pair_predicted.take(candidates)
    is_only = (np.bincount(row).take(row) == 1) & (np.bincount(column).take(column) == 1)
    # The track id matched to each ground-truth row, -1 for none; the last entry is "no such row".
    track_of_row = np.full(len(comparison.truth) + 1, -1, dtype=np.int64)
    track_of_row[row[is_only]] = comparison.predicted.id[column[is_only]]
    contested = candidates[~is_only]
    won = _match_contested(comparison, contested, candidates, track_of_row, previous)
    return np.sort(np.concatenate([candidates[is_only], contested[won]]))


def _match_contested(
    comparison: Comparison,
    contested: NDArray[np.int64],
    candidates: NDArray[np.int64],
    track_of_row: NDArray[np.int64],
    previous: NDArray[np.int64],
) -> list[int]:
    """Match the pairs that compete with others, frame by frame; returns indices into `contested`.

    Adds the matches to `track_of_row`.
    """
    rows, columns = comparison.pair_truth[contested], comparison.pair_predicted[contested]
    frame = comparison.bounds.frame_of_truth[rows]
    # Plain lists: a frame has a few contested pairs, for which array operations cost more.
    row, column, previous_row = rows.tolist(), columns.tolist(), previous[rows].tolist()
    track = comparison.predicted.id[columns].tolist()
    iou = comparison.similarity[contested].tolist()
    previous_track = track_of_row[previous[rows]].tolist()  # of rows that were not contested
    contested_track: dict[int, int] = {}  # ground-truth row -> track, of the matches made here
    won: list[int] = []
    begin = 0
    for end in np.append(np.flatnonzero(np.diff(frame)) + 1, len(frame)).tolist():
        # Competing pairs cannot both have been matched in the previous frame, and the bonus of one
        # that was exceeds every sum of IoUs. So these pairs are matched first.
        continued = [
            i
            for i in range(begin, end)
            if contested_track.get(previous_row[i], previous_track[i]) == track[i]
        ]
        used_rows, used_columns = {row[i] for i in continued}, {column[i] for i in continued}
        free = [
            i
            for i in range(begin, end)
            if row[i] not in used_rows and column[i] not in used_columns
        ]
        new = _match_few(free, row, column, iou)
        if new is None:
            in_frame = _pairs_of_frame(comparison, candidates, int(frame[begin]))
            solved = _solve_with_bonus(comparison, in_frame, track_of_row, previous)
            continued, new = [], [i for i in range(begin, end) if contested[i] in solved]
        for i in continued + new:
            track_of_row[row[i]] = contested_track[row[i]] = track[i]
        won += continued + new
        begin = end
    return won


def _match_few(
    pairs: list[int], row: list[int], column: list[int], weight: list[float]
) -> list[int] | None:
    """The matching of largest weight among a few pairs, or None if only the solver can decide.

    Applies the rule of `matching.max_weight_matching`, in plain Python because that is faster for
    a few pairs.
    """
    won = []
    while pairs:
        for pair in pairs:
            same_row = [weight[i] for i in pairs if row[i] == row[pair] and i != pair]
            same_column = [weight[i] for i in pairs if column[i] == column[pair] and i != pair]
            bound = max(same_row, default=0.0) + max(same_column, default=0.0)
            if weight[pair] > bound + MARGIN:
                break
        else:
            return None
        won.append(pair)
        pairs = [i for i in pairs if row[i] != row[pair] and column[i] != column[pair]]
    return won


def _solve_with_bonus(
    comparison: Comparison,
    pairs: NDArray[np.int64],
    track_of_row: NDArray[np.int64],
    previous: NDArray[np.int64],
) -> set[int]:
    """The pairs that the solver matches among all candidate `pairs` (N,) of one frame."""
    rows = comparison.pair_truth[pairs]
    track_id = comparison.predicted.id[comparison.pair_predicted[pairs]]
    is_continued = track_id == track_of_row[previous[rows]]
    score = CONTINUITY_BONUS * is_continued + comparison.similarity[pairs]
    frame = int(comparison.bounds.frame_of_truth[rows[0]])
    return set(pairs[solve_frame(comparison, frame, pairs, score)].tolist())


def _pairs_of_frame(
    comparison: Comparison, candidates: NDArray[np.int64], frame: int
) -> NDArray[np.int64]:
    """The candidate pairs of one frame, given by its index in the bounds."""
    first, last = np.searchsorted(comparison.pair_truth, comparison.bounds.truth[frame : frame + 2])
    return candidates[np.searchsorted(candidates, first) : np.searchsorted(candidates, last)]


def _previous_rows(comparison: Comparison) -> NDArray[np.int64]:
    """The row of the same ground-truth id in the previous shared frame (R,), R for none."""
    truth, frame = comparison.truth, shared_frame_index(comparison)
    order = np.argsort(truth.id, kind="stable")
    order = order[frame[order] >= 0]
    gt_id, frame = truth.id[order], frame[order]
    follows = (gt_id[1:] == gt_id[:-1]) & (frame[1:] == frame[:-1] + 1)
    previous = np.full(len(truth), len(truth), dtype=np.int64)
    previous[order[1:][follows]] = order[:-1][follows]
    return previous


def shared_frame_index(comparison: Comparison) -> NDArray[np.int64]:
    """The index of each ground-truth row's frame among the frames with boxes on both sides.

    (R,), -1 for rows in other frames. As in TrackEval, frames in which one side is empty neither
    end a match nor fragment a track.
    """
    bounds = comparison.bounds
    is_shared = (np.diff(bounds.truth) > 0) & (np.diff(bounds.predicted) > 0)
    index = np.where(is_shared, np.cumsum(is_shared) - 1, -1)
    return index[bounds.frame_of_truth].astype(np.int64, copy=False)
