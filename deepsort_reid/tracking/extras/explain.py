"""What a tracker remembers of its choices, on request: for every frame who could have had what.

`DeepSort(record=True)` keeps one; it grows with the video. `tracker.explain(frame, id)` reads it
in words, and `metrics.attribution` traces identity switches with it.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.tracks import State

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Pairs = NDArray[np.bool_]


class PairScores(NamedTuple):
    """What an association rule thinks of every pair of N tracks and M detections, in one frame.

    `motion` and `appearance` are the rule's own terms (N, M), NaN where there is none; `total`
    (N, M) is what the rule chose by and `limit` what it needed at least (evidence) or allowed at
    most (cost), as `higher_is_better` says.
    """

    motion: Array
    appearance: Array
    total: Array
    limit: float
    higher_is_better: bool
    refused_by_motion: Pairs
    refused_by_appearance: Pairs


_SINCE = {
    State.TENTATIVE: "without an id yet",
    State.CONFIRMED: "seen a frame ago",
    State.COASTING: "coasting",
}


class IdAssignment(NamedTuple):
    """A track got an id, its first or that of somebody known. `str()` says it in words."""

    id: int
    detection: int  # input row that it was matched with in this frame
    known: bool  # the id of somebody who was here before
    why: str

    def __str__(self) -> str:
        return f"got the id {self.id}, {'known' if self.known else 'new'}: {self.why}"


@dataclass(frozen=True, eq=False)
class FrameRecord:
    """One frame: N tracks as they were before it, all M input detections, and the choice."""

    number: int  # counts the updates, from 1
    xyxy: Array  # (M, 4) of all input detections
    row: Ints  # (M',) input rows of those that were looked at; the judgement's columns
    id: Ints  # (N,) 0 while tentative
    state: Ints  # (N,)
    misses: Ints  # (N,) this frame counted
    predicted_xyxy: Array  # (N, 4)
    judgement: PairScores
    chosen: Ints  # (N,) input row that the track got, -1 for none
    given: list[IdAssignment]  # ids given at the end of this frame


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a track got what it got in one frame; `str()` says it in words.

    Rows of `motion`, `appearance`, `total` and `reason` belong to the input detections in
    `detection` (M',).
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
    limit: float
    reason: tuple[str, ...]
    chosen: int  # input row, -1 for none
    higher_is_better: bool
    named: IdAssignment | None = None  # the id that the track got at the end of this frame

    def __str__(self) -> str:
        box = ", ".join(f"{side:.0f}" for side in self.predicted_xyxy)
        since = _SINCE[self.state]
        head = (
            f"frame {self.frame}, track {self.id}: {since}, last match {self.misses} frame(s) ago"
        )
        lines = [f"{head}, expected at [{box}]"]
        worse = -self.total if self.higher_is_better else self.total
        order = np.lexsort((self.detection != self.chosen, worse))
        for place in order[:5].tolist():
            together = _number(self.total[place])
            if np.isinf(self.total[place]) and not self.reason[place].startswith("refused"):
                together = "none, by overlap alone"
            lines.append(
                f"  detection {self.detection[place]}: motion {_number(self.motion[place])}, "
                f"appearance {_number(self.appearance[place])}, together "
                f"{together} (limit {self.limit:.2f}): {self.reason[place]}"
            )
        end = f"got detection {self.chosen}" if self.chosen >= 0 else "got no detection"
        lines.append(f"  {end}")
        if self.named is not None and self.named.detection == self.chosen:
            lines.append(f"  {self.named}")
        elif self.named is not None:  # the track waited for somebody who came back elsewhere
            lines.append(f"  its id went to detection {self.named.detection}: {self.named.why}")
        return "\n".join(lines)


class Record:
    """The frames of one video, in order."""

    def __init__(self) -> None:
        self._frames: list[FrameRecord] = []

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, frame: FrameRecord) -> None:
        """Remember one more frame."""
        self._frames.append(frame)

    def frame(self, number: int) -> FrameRecord:
        """The record of update `number`, from 1. Raises ValueError when there was none."""
        if not 1 <= number <= len(self._frames):
            raise ValueError(f"frame must be in 1 to {len(self._frames)}, got {number}")
        return self._frames[number - 1]

    def detections(self, frame: int) -> Array:
        """All boxes xyxy (M, 4) that the tracker was given in `frame`."""
        return self.frame(frame).xyxy

    def explain(self, frame: int, track: int) -> Explanation:
        """Why the track with this id got what it got in `frame`, or got the id.

        Raises ValueError when there is no such frame, or the track was not alive in it.
        """
        seen = self.frame(frame)
        named = next((name for name in seen.given if name.id == track), None)
        rows = np.flatnonzero(seen.id == track)
        if named is not None and not len(rows):
            rows = np.flatnonzero(seen.chosen == named.detection)
            if not len(rows):
                raise ValueError(f"track {track} began in frame {frame} and {named}")
        if not len(rows) or track <= 0:
            alive = seen.id[seen.id > 0].tolist()
            raise ValueError(f"no track {track} before frame {frame}; alive were {alive}")
        n = int(rows[0])
        judged = seen.judgement
        reasons = tuple(_reason(seen, n, place) for place in range(len(seen.row)))
        return Explanation(
            frame=frame,
            id=track,
            state=State(int(seen.state[n])),
            misses=int(seen.misses[n]),
            predicted_xyxy=seen.predicted_xyxy[n],
            detection=seen.row,
            motion=judged.motion[n],
            appearance=judged.appearance[n],
            total=judged.total[n],
            limit=judged.limit,
            reason=reasons,
            chosen=int(seen.chosen[n]),
            higher_is_better=judged.higher_is_better,
            named=named,
        )

    def refusal(self, frame: int, track: int, detection: int) -> str:
        """Why `track` did not get input row `detection` in `frame`, in one of six words.

        "expired", "not confirmed", "not looked at", "motion", "appearance", "other was cheaper".
        """
        seen = self.frame(frame)
        rows = np.flatnonzero((seen.id == track) & (seen.id > 0))
        if not len(rows):
            return "expired" if self._was_alive(track, frame) else "not confirmed"
        places = np.flatnonzero(seen.row == detection)
        if not len(places):
            return "not looked at"
        return _refusal(seen, int(rows[0]), int(places[0]))

    def _was_alive(self, track: int, frame: int) -> bool:
        return any((seen.id == track).any() for seen in self._frames[: frame - 1])


def _refusal(seen: FrameRecord, n: int, place: int) -> str:
    judged = seen.judgement
    if judged.refused_by_motion[n, place]:
        return "motion"
    if judged.refused_by_appearance[n, place]:
        return "appearance"
    owner = _owner(seen, place)
    if owner is not None and seen.state[owner] == State.TENTATIVE:
        return "not confirmed"
    return "other was cheaper"


def _reason(seen: FrameRecord, n: int, place: int) -> str:
    detection = int(seen.row[place])
    if seen.chosen[n] == detection:
        return "matched"
    refusal = _refusal(seen, n, place)
    if refusal in ("motion", "appearance"):
        return f"refused by {refusal}"
    owner = _owner(seen, place)
    if owner is None:
        return "possible, but the track got a better one"
    name = f"track {seen.id[owner]}" if seen.id[owner] else "a track without an id yet"
    return f"possible, but {name} had the better claim"


def _owner(seen: FrameRecord, place: int) -> int | None:
    owners = np.flatnonzero(seen.chosen == seen.row[place])
    return int(owners[0]) if len(owners) else None


def _number(value: float) -> str:
    if np.isnan(value):
        return "unknown"
    return f"{value:.2f}" if np.isfinite(value) else "impossible"
