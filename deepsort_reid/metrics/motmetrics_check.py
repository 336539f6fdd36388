"""The same sequence counted by motmetrics, and why the two counts differ where they do."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.clear import THRESHOLD, clear_matches, shared_frame_index
from deepsort_reid.metrics.comparison import Comparison
from deepsort_reid.metrics.overlaps import EPS

RETURNS = "motmetrics goes back to the track from before the gap, TrackEval to the best overlap"
TIE = "tie: both choices overlap equally"
FOLLOWS = "follows from a different choice in an earlier frame"

DEFINITIONS = """\
Frag: for TrackEval a stay is interrupted also while the person is absent, for motmetrics only by
a miss; frames without any prediction interrupt nothing for TrackEval, and do for motmetrics.
MT, ML: TrackEval asks for more than 80 % and for less than 20 % of the frames; motmetrics
counts exactly 80 % as mostly tracked."""


@dataclass(frozen=True)
class MotmetricsCounts:
    """What motmetrics counts, of one sequence or, added up, of many."""

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
        """The numbers that both have, under the names of `tables.COLUMNS`."""
        wrong = self.misses + self.false_positives + self.switches
        return {
            "MOTA": 1 - wrong / max(1, self.objects),
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
    """A truth box that the two match differently; ids are the caller's, None is no match."""

    frame: int
    person: int
    ours: int | None
    theirs: int | None
    reason: str


@dataclass(frozen=True)
class MotmetricsCheck:
    """What motmetrics says about one sequence."""

    counts: MotmetricsCounts
    differences: tuple[MatchDifference, ...]


def check_with_motmetrics(comparison: Comparison) -> MotmetricsCheck:
    """Count the same boxes with motmetrics (installed apart) and compare match by match.

    Raises ImportError without motmetrics.
    """
    import motmetrics

    if comparison.one_side_empty:
        n, m = len(comparison.truth), len(comparison.predicted)
        lost = len(comparison.truth.ids)
        empty = MotmetricsCounts(n, m, false_positives=m, misses=n, mostly_lost=lost)
        return MotmetricsCheck(empty, ())
    accumulator = motmetrics.MOTAccumulator(auto_id=False)
    bounds = comparison.bounds
    near = comparison.similarity >= THRESHOLD - EPS
    frame_of_pair = bounds.of_truth[comparison.pair_truth]
    for number, frame in enumerate(bounds.frame.tolist()):
        top, bottom = bounds.truth[number : number + 2]
        left, right = bounds.predicted[number : number + 2]
        # Its own distances fail on NumPy 2.
        distance = np.full((bottom - top, right - left), np.nan)
        pairs = np.arange(*np.searchsorted(frame_of_pair, [number, number + 1]))
        pairs = pairs[near[pairs]]
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
    """The track that motmetrics matches to each truth row (R,), -1 for none."""
    events = accumulator.mot_events  # type: ignore[attr-defined]  # a pandas table
    events = events[events.Type.isin(["MATCH", "SWITCH"])]
    frame = events.index.get_level_values(0).to_numpy().astype(np.int64)
    person = events.OId.to_numpy().astype(np.int64)
    n_people = len(comparison.truth.ids)
    place = np.searchsorted(comparison.bounds.frame, frame)
    key = comparison.bounds.of_truth * n_people + comparison.truth.id
    order = np.argsort(key)
    row = order[np.searchsorted(key[order], place * n_people + person)]
    track = np.full(len(comparison.truth), -1, dtype=np.int64)
    track[row] = events.HId.to_numpy().astype(np.int64)
    return track


def match_differences(comparison: Comparison, theirs: NDArray[np.int64]) -> list[MatchDifference]:
    """Where our matches and the tracks (R,) that each truth row has elsewhere, -1 none, differ."""
    truth, predicted = comparison.truth, comparison.predicted
    pairs = clear_matches(comparison)
    ours = np.full(len(truth), -1, dtype=np.int64)
    ours[comparison.pair_truth[pairs]] = predicted.id[comparison.pair_predicted[pairs]]
    frame = comparison.bounds.of_truth
    by_frame = _overlap_by_frame(comparison, ours) - _overlap_by_frame(comparison, theirs)
    turn = shared_frame_index(comparison)
    last_turn: dict[int, int] = {}
    last_track: dict[int, int] = {}
    found = []
    for row in range(len(truth)):
        person = int(truth.id[row])
        if ours[row] != theirs[row]:
            away = turn[row] - last_turn.get(person, turn[row]) > 1
            if away and theirs[row] == last_track[person]:
                reason = RETURNS
            elif abs(by_frame[frame[row]]) < 1e-9:
                reason = TIE
            else:
                reason = FOLLOWS
            who = [None if t < 0 else int(predicted.ids[t]) for t in (ours[row], theirs[row])]
            found.append(
                MatchDifference(
                    int(truth.frame[row]), int(truth.ids[person]), who[0], who[1], reason
                )
            )
        if theirs[row] >= 0:
            last_turn[person], last_track[person] = int(turn[row]), int(theirs[row])
    return found


def _overlap_by_frame(comparison: Comparison, track: NDArray[np.int64]) -> NDArray[np.float64]:
    """Summed overlap in each frame of `bounds` when each truth row has that track."""
    of_pair = comparison.predicted.id[comparison.pair_predicted]
    chosen = track[comparison.pair_truth] == of_pair
    total: NDArray[np.float64] = np.bincount(
        comparison.bounds.of_truth[comparison.pair_truth[chosen]],
        weights=comparison.similarity[chosen],
        minlength=len(comparison.bounds.frame),
    ).astype(np.float64)
    return total


def _why(checks: Mapping[str, MotmetricsCheck], at_most: int = 3) -> list[str]:
    lines = []
    for name, check in checks.items():
        for reason in (RETURNS, TIE, FOLLOWS):
            of_it = [each for each in check.differences if each.reason == reason]
            if not of_it:
                continue
            lines.append(f"{name}: boxes matched differently: {len(of_it)}; {reason}")
            for each in of_it[:at_most]:
                ours, theirs = (
                    "nobody" if track is None else f"track {track}"
                    for track in (each.ours, each.theirs)
                )
                lines.append(
                    f"  frame {each.frame}, person {each.person}: "
                    f"{ours} here, {theirs} in motmetrics"
                )
    return lines or ["Every single box is matched alike."]
