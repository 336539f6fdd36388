"""Comparison with motmetrics: its counts of the same boxes, and the matches that differ."""

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.clear import THRESHOLD, clear_matches, shared_frame_index
from deepsort_reid.metrics.comparison import Comparison
from deepsort_reid.metrics.overlaps import EPS

# Why a ground-truth box is matched differently.
AFTER_GAP = "after a gap, motmetrics prefers the earlier track and TrackEval the largest IoU"
TIE = "both matches have the same sum of IoU"
EARLIER_DIFFERENCE = "caused by a different match in an earlier frame"
REASONS = (AFTER_GAP, TIE, EARLIER_DIFFERENCE)


@dataclass(frozen=True)
class MotmetricsCounts:
    """The counts of motmetrics for one sequence or, added up, for several."""

    objects: int = 0
    predictions: int = 0
    matches: int = 0
    distance: float = 0.0  # sum of 1 - IoU
    false_positives: int = 0
    misses: int = 0
    switches: int = 0
    fragments: int = 0
    mostly_tracked: int = 0
    mostly_lost: int = 0
    idtp: int = 0

    def __add__(self, other: "MotmetricsCounts") -> "MotmetricsCounts":
        return MotmetricsCounts(
            *(a + b for a, b in zip(astuple(self), astuple(other), strict=True))
        )

    def columns(self) -> dict[str, float]:
        """The scores that this package has as well, under the names of `report.COLUMNS`."""
        errors = self.misses + self.false_positives + self.switches
        return {
            "MOTA": 1 - errors / max(1, self.objects),
            "MOTP": 1 - self.distance / max(1, self.matches),
            "IDF1": 2 * self.idtp / max(1, self.objects + self.predictions),
            "IDP": self.idtp / max(1, self.predictions),
            "IDR": self.idtp / max(1, self.objects),
            "Rcll": self.matches / max(1, self.objects),
            "Prcn": self.matches / max(1, self.matches + self.false_positives),
            "FP": self.false_positives,
            "FN": self.misses,
            "IDSW": self.switches,
            "Frag": self.fragments,
            "MT": self.mostly_tracked,
            "ML": self.mostly_lost,
        }


@dataclass(frozen=True)
class MatchDifference:
    """A ground-truth box that is matched to another track by motmetrics. Ids of the files."""

    frame: int
    truth_id: int
    ours: int | None  # matched track, None if there is no match
    theirs: int | None  # the same for motmetrics
    reason: str  # one of REASONS


@dataclass(frozen=True)
class MotmetricsCheck:
    """The counts of motmetrics for one sequence, and the matches that differ."""

    counts: MotmetricsCounts
    differences: tuple[MatchDifference, ...]


def check_with_motmetrics(comparison: Comparison) -> MotmetricsCheck:
    """Score the same boxes with motmetrics and compare the matches.

    Raises ModuleNotFoundError if motmetrics is not installed.
    """
    import motmetrics

    if comparison.one_side_empty:
        n, m = len(comparison.truth), len(comparison.predicted)
        lost = len(comparison.truth.ids)
        empty = MotmetricsCounts(n, m, false_positives=m, misses=n, mostly_lost=lost)
        return MotmetricsCheck(empty, ())
    accumulator = motmetrics.MOTAccumulator(auto_id=False)
    bounds = comparison.bounds
    is_candidate = comparison.similarity >= THRESHOLD - EPS
    frame_of_pair = bounds.frame_of_truth[comparison.pair_truth]
    for i, frame in enumerate(bounds.frame.tolist()):
        top, bottom = bounds.truth[i : i + 2]
        left, right = bounds.predicted[i : i + 2]
        # The distances are computed here because those of motmetrics fail on NumPy 2.
        distance = np.full((bottom - top, right - left), np.nan)
        pairs = np.arange(*np.searchsorted(frame_of_pair, [i, i + 1]))
        pairs = pairs[is_candidate[pairs]]
        row, column = comparison.pair_truth[pairs] - top, comparison.pair_predicted[pairs] - left
        distance[row, column] = 1 - comparison.similarity[pairs]
        accumulator.update(
            comparison.truth.id[top:bottom],
            comparison.predicted.id[left:right],
            distance,
            frameid=frame,
        )
    names = list(_FIELDS.values())
    table = motmetrics.metrics.create().compute(
        accumulator, metrics=[*names, "motp"], return_dataframe=False
    )
    counts = {field: int(table[name]) for field, name in _FIELDS.items()}
    matches = counts["matches"]
    distance_sum = float(table["motp"]) * matches if matches else 0.0
    theirs = _their_tracks(accumulator, comparison)
    return MotmetricsCheck(
        MotmetricsCounts(distance=distance_sum, **counts),
        tuple(match_differences(comparison, theirs)),
    )


_FIELDS = {
    "objects": "num_objects",
    "predictions": "num_predictions",
    "matches": "num_detections",
    "false_positives": "num_false_positives",
    "misses": "num_misses",
    "switches": "num_switches",
    "fragments": "num_fragmentations",
    "mostly_tracked": "mostly_tracked",
    "mostly_lost": "mostly_lost",
    "idtp": "idtp",
}


def _their_tracks(accumulator: object, comparison: Comparison) -> NDArray[np.int64]:
    """The track that motmetrics matches to each ground-truth row (R,), -1 for none."""
    events = accumulator.mot_events  # type: ignore[attr-defined]  # a pandas table
    events = events[events.Type.isin(["MATCH", "SWITCH"])]
    frame = events.index.get_level_values(0).to_numpy().astype(np.int64)
    gt_id = events.OId.to_numpy().astype(np.int64)
    n_ids = len(comparison.truth.ids)
    frame_index = np.searchsorted(comparison.bounds.frame, frame)
    key = comparison.bounds.frame_of_truth * n_ids + comparison.truth.id
    order = np.argsort(key)
    row = order[np.searchsorted(key[order], frame_index * n_ids + gt_id)]
    track = np.full(len(comparison.truth), -1, dtype=np.int64)
    track[row] = events.HId.to_numpy().astype(np.int64)
    return track


def match_differences(comparison: Comparison, theirs: NDArray[np.int64]) -> list[MatchDifference]:
    """Where our matches differ from those of motmetrics.

    theirs: the track that motmetrics matches to each ground-truth row (R,), -1 for none.
    """
    truth, predicted = comparison.truth, comparison.predicted
    pairs = clear_matches(comparison)
    ours = np.full(len(truth), -1, dtype=np.int64)
    ours[comparison.pair_truth[pairs]] = predicted.id[comparison.pair_predicted[pairs]]
    frame = comparison.bounds.frame_of_truth
    iou_difference = _iou_sums(comparison, ours) - _iou_sums(comparison, theirs)
    shared_frame = shared_frame_index(comparison)
    last_frame: dict[int, int] = {}
    last_track: dict[int, int] = {}
    found = []
    for row in range(len(truth)):
        gt_id = int(truth.id[row])
        if ours[row] != theirs[row]:
            after_gap = shared_frame[row] - last_frame.get(gt_id, shared_frame[row]) > 1
            if after_gap and theirs[row] == last_track[gt_id]:
                reason = AFTER_GAP
            elif abs(iou_difference[frame[row]]) < 1e-9:
                reason = TIE
            else:
                reason = EARLIER_DIFFERENCE
            our_track, their_track = (
                None if track < 0 else int(predicted.ids[track])
                for track in (ours[row], theirs[row])
            )
            found.append(
                MatchDifference(
                    int(truth.frame[row]), int(truth.ids[gt_id]), our_track, their_track, reason
                )
            )
        if theirs[row] >= 0:
            last_frame[gt_id], last_track[gt_id] = int(shared_frame[row]), int(theirs[row])
    return found


def _iou_sums(comparison: Comparison, track: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sum of the IoU in each frame (F,) if each ground-truth row is matched to `track` (R,)."""
    track_of_pair = comparison.predicted.id[comparison.pair_predicted]
    matched = track[comparison.pair_truth] == track_of_pair
    total: NDArray[np.float64] = np.bincount(
        comparison.bounds.frame_of_truth[comparison.pair_truth[matched]],
        weights=comparison.similarity[matched],
        minlength=len(comparison.bounds.frame),
    ).astype(np.float64)
    return total
