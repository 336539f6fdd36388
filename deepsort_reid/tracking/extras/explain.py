"""Explanations of the tracker's decisions: which pairs were scored, and which were matched.

`DeepSort(explain=True)` keeps a `DecisionLog`, which grows with the video. `DeepSort.explain`
puts one decision in words, and `metrics.attribute_switches` finds the causes of identity switches
in the log.
"""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.tracks import State
from deepsort_reid.tracking.assignment import Matching
from deepsort_reid.tracking.association import AssociationInput, PairScores
from deepsort_reid.tracking.extras.id_assignment import IdAssignment
from deepsort_reid.tracking.frame_input import FrameInput

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

_STATE_TEXT = {
    State.TENTATIVE: "tentative, no id yet",
    State.CONFIRMED: "confirmed",
    State.COASTING: "coasting",
}
_MAX_LINES = 5  # detections listed in the text of an explanation


class ReportedTrack(NamedTuple):
    """A row that a `FixedLag` reported later for this frame, as corrected by then."""

    tracker_id: int  # the tracker's id of the person when the frame was emitted
    detection: int  # row of the caller's detection, -1 in a filled gap
    misses: int  # frames since the last match


@dataclass(frozen=True, eq=False)
class FrameDecision:
    """One update: N tracks as predicted for the frame, its M detections, and what was matched."""

    number: int  # of the update, from 1
    xyxy: Array  # (M, 4) boxes of all detections of the caller
    row: Ints  # (M',) rows of the caller's detections that were used; the columns of pair_scores
    id: Ints  # (N,) ids before the update, 0 while tentative
    state: Ints  # (N,) states before the update
    misses: Ints  # (N,) frames since the last match, this one included
    predicted_xyxy: Array  # (N, 4)
    pair_scores: PairScores
    matched: Ints  # (N,) row of the caller's detection that was matched, -1 for none
    id_assignments: list[IdAssignment]  # ids assigned at the end of the update
    reported: dict[int, ReportedTrack] = field(default_factory=dict)  # by output id

    def track_matched_to(self, detection: int) -> int | None:
        """Row of the track that was matched to a row of the caller's detections, None for none."""
        rows = np.flatnonzero(self.matched == detection)
        return int(rows[0]) if len(rows) else None


@dataclass(frozen=True, eq=False)
class Explanation:
    """Scores and outcome of one track in one update; `str()` puts them in words.

    Entries of `motion`, `appearance`, `total` and `reason` belong to the rows of the caller's
    detections in `detection` (M',). `PairScores` describes the scores.
    """

    frame: int
    id: int
    state: State
    misses: int
    predicted_xyxy: Array  # (4,)
    detection: Ints
    motion: Array
    appearance: Array
    total: Array
    threshold: float
    reason: tuple[str, ...]
    matched: int  # row of the caller's detections, -1 for none
    higher_is_better: bool
    id_assignment: IdAssignment | None = None  # of this id, at the end of the update

    def __str__(self) -> str:
        box = ", ".join(f"{side:.0f}" for side in self.predicted_xyxy)
        head = (
            f"frame {self.frame}, track {self.id}: {_STATE_TEXT[self.state]}, "
            f"last match {self.misses} frame(s) ago, predicted at [{box}]"
        )
        cost = -self.total if self.higher_is_better else self.total
        order = np.lexsort((self.detection != self.matched, cost))
        lines = [head, *(self._line(place) for place in order[:_MAX_LINES].tolist())]
        lines.append(
            f"  matched to detection {self.matched}" if self.matched >= 0 else "  not matched"
        )
        assignment = self.id_assignment
        if assignment is not None and assignment.detection == self.matched:
            lines.append(f"  {assignment}")
        elif assignment is not None:  # a lost track whose person was re-identified elsewhere
            lines.append(
                f"  its id was assigned to detection {assignment.detection}: {assignment.reason}"
            )
        return "\n".join(lines)

    def _line(self, place: int) -> str:
        """One detection: its scores and the reason."""
        total = _number(self.total[place])
        if np.isinf(self.total[place]) and not self.reason[place].startswith("rejected"):
            total = "none, IoU only"
        return (
            f"  detection {self.detection[place]}: motion {_number(self.motion[place])}, "
            f"appearance {_number(self.appearance[place])}, total {total} "
            f"(threshold {self.threshold:.2f}): {self.reason[place]}"
        )


class DecisionLog:
    """The decisions of all updates since the tracker was created or reset, in order.

    `len()` counts the updates, those whose decisions were dropped (`drop`) included.
    """

    def __init__(self) -> None:
        self._frames: list[FrameDecision] = []
        self._num_dropped = 0  # updates before the first entry of the list
        self._num_frames = 0  # further entries of the list are of an update that was undone

    def __len__(self) -> int:
        return self._num_frames

    @property
    def first(self) -> int:
        """Number of the first update whose decisions are kept."""
        return self._num_dropped + 1

    def add(
        self,
        frame_input: FrameInput,
        inputs: AssociationInput,
        matching: Matching,
        pair_scores: PairScores,
        id_assignments: list[IdAssignment],
    ) -> None:
        """Append the decisions of one update; `id_assignments` may be filled until it ends."""
        table = inputs.table
        matched = np.full(len(table), -1, dtype=np.int64)
        matched[matching.pairs[:, 0]] = frame_input.rows[matching.pairs[:, 1]]
        decision = FrameDecision(
            number=len(self) + 1,
            xyxy=frame_input.given.xyxy,
            row=frame_input.rows.astype(np.int64),
            id=table.id.copy(),
            state=table.state.copy(),
            misses=table.misses.copy(),
            predicted_xyxy=inputs.predicted_xyxy(),
            pair_scores=pair_scores,
            matched=matched,
            id_assignments=id_assignments,
        )
        del self._frames[self._num_frames - self._num_dropped :]
        self._frames.append(decision)
        self._num_frames += 1

    def frame(self, number: int) -> FrameDecision:
        """The decision of update `number`, from 1. Raises ValueError when there is none."""
        if not self.first <= number <= len(self):
            raise ValueError(f"frame must be in {self.first} to {len(self)}, got {number}")
        return self._frames[number - self.first]

    def drop(self, number: int) -> None:
        """Drop the decisions of all updates up to `number`, which are no longer needed.

        A log that grows with the video otherwise keeps some 25 kB for each frame.
        """
        number = min(number, len(self))
        if number > self._num_dropped:
            del self._frames[: number - self._num_dropped]
            self._num_dropped = number

    def detections(self, frame: int) -> Array:
        """Boxes xyxy (M, 4) of all detections that the tracker was given in `frame`."""
        return self.frame(frame).xyxy

    def explain(self, frame: int, track: int) -> Explanation:
        """Why the track with this id was matched as it was in `frame`, or was assigned the id.

        Raises ValueError when there is no such frame, or no such track in it.
        """
        decision = self.frame(frame)
        assignment = next((a for a in decision.id_assignments if a.id == track), None)
        rows = np.flatnonzero(decision.id == track)
        if assignment is not None and not len(rows):
            rows = np.flatnonzero(decision.matched == assignment.detection)
            if not len(rows):
                raise ValueError(f"track {track} began in frame {frame} and {assignment}")
        if not len(rows) or track <= 0:
            alive = decision.id[decision.id > 0].tolist()
            raise ValueError(f"no track {track} before frame {frame}; tracks were {alive}")
        n = int(rows[0])
        return self._explanation(decision, n, track, assignment)

    def explain_reported(self, update: int, id: int, frame: int) -> str:
        """Why a `FixedLag` reported `id` in an update as it did, in words.

        `frame` is the frame's number in the text. Raises ValueError when the update has not been
        emitted, or has no such track.
        """
        decision = self.frame(update)
        reported = decision.reported.get(id)
        if reported is None:
            ids = sorted(decision.reported)
            raise ValueError(f"no track {id} reported in frame {frame}; tracks were {ids}")
        tracker_id, detection, misses = reported
        row, assignment = None, None
        if detection >= 0:
            row = decision.track_matched_to(detection)
            made = [each for each in decision.id_assignments if each.detection == detection]
            assignment = made[-1] if made else None
            lines = [f"frame {frame}, track {id}: the track began at detection {detection}"]
        else:
            rows = np.flatnonzero((decision.id == tracker_id) & (decision.matched < 0))
            row = int(rows[0]) if len(rows) else None
            lines = [f"frame {frame}, track {id}: no match, {misses} frame(s) after the last one"]
        known = 0 if row is None else int(decision.id[row])
        if row is not None:
            explanation = self._explanation(decision, row, id, assignment)
            lines = [str(replace(explanation, frame=frame))]
        known = known if assignment is None else assignment.id
        if detection < 0:
            lines.append("  reported in the gap, because a later frame has a match of the track")
        if known != id:
            name = f"as track {known}" if known else "without an id"
            lines.append(f"  known {name} in this frame; later frames gave id {id}")
        return "\n".join(lines)

    def _explanation(
        self, decision: FrameDecision, n: int, track: int, assignment: IdAssignment | None
    ) -> Explanation:
        """The explanation of row `n` of the tracks as that of the id `track`."""
        scores = decision.pair_scores
        return Explanation(
            frame=decision.number,
            id=track,
            state=State(int(decision.state[n])),
            misses=int(decision.misses[n]),
            predicted_xyxy=decision.predicted_xyxy[n],
            detection=decision.row,
            motion=scores.motion[n],
            appearance=scores.appearance[n],
            total=scores.total[n],
            threshold=scores.threshold,
            reason=tuple(_reason(decision, n, place) for place in range(len(decision.row))),
            matched=int(decision.matched[n]),
            higher_is_better=scores.higher_is_better,
            id_assignment=assignment,
        )

    def rejection_reason(self, frame: int, track: int, detection: int) -> str:
        """Why `track` was not matched to row `detection` of the caller's detections in `frame`.

        One of "expired", "not confirmed", "below min_score", "motion", "appearance" and
        "lost assignment".
        """
        decision = self.frame(frame)
        rows = np.flatnonzero((decision.id == track) & (decision.id > 0))
        if not len(rows):
            return "expired" if self._existed_before(track, frame) else "not confirmed"
        places = np.flatnonzero(decision.row == detection)
        if not len(places):
            return "below min_score"
        return _rejection(decision, int(rows[0]), int(places[0]))

    def _existed_before(self, track: int, frame: int) -> bool:
        earlier = self._frames[: frame - 1 - self._num_dropped]
        return any((decision.id == track).any() for decision in earlier)


def _rejection(decision: FrameDecision, n: int, place: int) -> str:
    """Why track row `n` was not matched to the detection of column `place`."""
    scores = decision.pair_scores
    if scores.rejected_by_motion[n, place]:
        return "motion"
    if scores.rejected_by_appearance[n, place]:
        return "appearance"
    winner = decision.track_matched_to(int(decision.row[place]))
    if winner is not None and decision.state[winner] == State.TENTATIVE:
        return "not confirmed"
    return "lost assignment"


def _reason(decision: FrameDecision, n: int, place: int) -> str:
    """The outcome of track row `n` and the detection of column `place`, in words."""
    detection = int(decision.row[place])
    if decision.matched[n] == detection:
        return "matched"
    rejection = _rejection(decision, n, place)
    if rejection in ("motion", "appearance"):
        return f"rejected by {rejection}"
    winner = decision.track_matched_to(detection)
    if winner is None:
        return "possible, but the track has a better match"
    name = f"track {decision.id[winner]}" if decision.id[winner] else "a tentative track"
    return f"possible, but lost assignment to {name}"


def _number(value: float) -> str:
    if np.isnan(value):
        return "unknown"
    return f"{value:.2f}" if np.isfinite(value) else "impossible"
