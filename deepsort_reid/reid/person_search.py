"""Follow one person through a video by appearance alone: no motion, no tracker."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.reid.evaluation.montage import (
    CORRECT,
    NEUTRAL,
    WRONG,
    Tile,
    evenly_spaced,
    montage,
    split_into_rows,
)
from deepsort_reid.structures import boxes
from deepsort_reid.structures.frame import Frame
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.vision.crops import crop_corners, resize_crop

MIN_IOU = 0.5  # IoU of a found box with the labelled one, as everywhere in MOTChallenge
_CROP = (192, 96)  # pixels kept of each result


class Reference(Protocol):
    """What the person looks like, as far as is known."""

    def similarity(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of unit rows (M, D) to the person: (M,), 1 at most."""

    def update(self, embedding: NDArray[np.float32], similarity: float, margin: float) -> None:
        """Learn from a match (D,); `lead` is its similarity less that of the runner-up."""


class LastMatch:
    """The last match alone: follows every change of light and pose, and every mistake."""

    def __init__(self, query: NDArray[np.float32]) -> None:
        self._last = query

    def similarity(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cosine with the last match: (M, D) -> (M,)."""
        return embedding @ self._last

    def update(self, embedding: NDArray[np.float32], similarity: float, margin: float) -> None:
        """The match becomes the reference."""
        self._last = embedding


class Gallery:
    """The query and the last sure matches; the most similar of them decides.

    size: matches kept beside the query, which always stays. min_similarity, min_margin: a match
    enters only when it is good enough and nobody else in its frame comes near: one wrong
    entry draws others after it.
    """

    def __init__(
        self,
        query: NDArray[np.float32],
        *,
        size: int = 100,
        min_similarity: float = 0.7,
        min_margin: float = 0.05,
    ) -> None:
        if size < 1:
            raise ValueError(f"a gallery needs room for at least 1 match, got size {size}")
        self._query = query
        self._matches: deque[NDArray[np.float32]] = deque(maxlen=size)
        self._least_similarity, self._least_lead = min_similarity, min_margin

    def similarity(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        """Best cosine with the gallery: (M, D) -> (M,)."""
        cosine = embedding @ np.stack([self._query, *self._matches]).T  # (M, K)
        return np.asarray(cosine.max(axis=1), np.float32)

    def update(self, embedding: NDArray[np.float32], similarity: float, margin: float) -> None:
        """Keep the match when it was clear, and let the oldest go."""
        if similarity >= self._least_similarity and margin >= self._least_lead:
            self._matches.append(embedding)


class Outcome(Enum):
    """What happened in a frame, as far as the truth is known."""

    FOUND = "found"  # right, or unknown where there is no truth
    WRONG = "wrong"  # somebody else was taken for the person, who is there
    MISSED = "missed"  # the person is there and nobody was found
    FALSE_ALARM = "false alarm"  # somebody was found though the person is not there
    ABSENT = "absent"  # nobody was found; rightly so where there is truth


@dataclass(frozen=True, eq=False)
class SearchResult:
    """One frame of the search."""

    frame: int  # from 1
    xyxy: NDArray[np.float64] | None  # (4,) of the best match above the threshold, else None
    similarity: float  # of the best candidate; nan where there was none
    outcome: Outcome
    crop: Frame | None  # of the match, or of the labelled person where missed; BGR uint8
    has_candidate: bool = (
        True  # False where the person is labelled but is no candidate: not our fault
    )


@dataclass(frozen=True, eq=False)
class SearchSummary:
    """All frames of a search, and how often it was right."""

    results: Sequence[SearchResult]

    @property
    def frames_present(self) -> int:
        """Frames in which the person is labelled."""
        there = (Outcome.FOUND, Outcome.WRONG, Outcome.MISSED)
        return sum(result.outcome in there for result in self.results)

    def count(self, outcome: Outcome) -> int:
        """Frames with this outcome."""
        return sum(result.outcome is outcome for result in self.results)

    @property
    def frames_without_candidate(self) -> int:
        """Frames in which the person is labelled and no candidate box is theirs."""
        return sum(not result.has_candidate for result in self.results)

    @property
    def recall(self) -> float:
        """Share of the frames with the person in which they were re-identified; nan for none."""
        return (
            self.count(Outcome.FOUND) / self.frames_present if self.frames_present else float("nan")
        )


def find_person(
    frames: Iterable[tuple[int, Frame]],
    detect: Callable[[Frame], NDArray[np.float64]],
    embed: Callable[[Frame, NDArray[np.float64]], NDArray[np.float32]],
    reference: Reference,
    *,
    threshold: float = 0.7,
    truth: MotRows | None = None,
) -> Iterator[SearchResult]:
    """In each frame the most similar candidate, when its similarity reaches `threshold`.

    frames: (number from 1, BGR uint8 (H, W, 3)). detect: frame -> boxes (M, 4) in pixels. embed:
    frame and boxes -> unit rows (M, D), as `Embedder` does. truth: the rows of the person alone,
    which decide what is right at IoU 0.5; without them every match counts as found.
    """
    if not -1 <= threshold <= 1:
        raise ValueError(f"a cosine threshold must be in [-1, 1], got {threshold}")
    for number, frame in frames:
        xyxy = boxes.as_boxes(detect(frame))
        here = None if truth is None else truth.xyxy[truth.frame == number]
        match, similarity = None, float("nan")
        if len(xyxy):
            embedding = embed(frame, xyxy)
            alike = reference.similarity(embedding)
            order = np.argsort(-alike, kind="stable")
            similarity = float(alike[order[0]])
            if similarity >= threshold:
                match = xyxy[order[0]]
                margin = similarity - float(alike[order[1]]) if len(order) > 1 else float("inf")
                reference.update(embedding[order[0]], similarity, margin)
        outcome = _outcome(match, here)
        shown = here[0] if outcome is Outcome.MISSED and here is not None else match
        has_candidate = here is None or len(here) == 0 or _overlap(xyxy, here) >= MIN_IOU
        yield SearchResult(number, match, similarity, outcome, _crop(frame, shown), has_candidate)


def identity_at(truth: MotRows, frame: int, xyxy: NDArray[np.float64]) -> int:
    """Id of the labelled person whose box in `frame` meets `xyxy` (4,) best.

    Raises ValueError when none overlaps it by an IoU of 0.5.
    """
    rows = truth[truth.frame == frame]
    overlap = boxes.iou(xyxy[None], rows.xyxy)[0]
    if not len(rows) or overlap.max() < MIN_IOU:
        best = f"the best overlap is {overlap.max():.2f}" if len(rows) else "nobody is labelled"
        raise ValueError(
            f"query {boxes.xyxy_to_tlwh(xyxy[None])[0].tolist()} shows no labelled person in frame "
            f"{frame} ({best}, {MIN_IOU} needed): correct the box, or name the identity"
        )
    return int(rows.id[overlap.argmax()])


def search_montage(results: Sequence[SearchResult], *, most: int = 120, columns: int = 20) -> Frame:
    """The results in order, misses and mistakes framed in red; at most `most`, spread evenly.

    Captions tell the frame. Raises ValueError when nothing was found or missed.
    """
    shown = [s for s in results if s.crop is not None]
    if not shown:
        raise ValueError("nothing to show: nobody was found, and nobody is labelled")
    known = any(s.outcome not in (Outcome.FOUND, Outcome.ABSENT) for s in results)
    tiles = []
    for row in evenly_spaced(len(shown), most):
        result = shown[row]
        right = CORRECT if known else NEUTRAL
        colour = right if result.outcome is Outcome.FOUND else WRONG
        mark = {Outcome.MISSED: " miss", Outcome.FOUND: ""}.get(result.outcome, " no")
        tiles.append(Tile(result.crop, f"{result.frame}{mark}", colour))
    return montage(split_into_rows(tiles, columns))


def _outcome(match: NDArray[np.float64] | None, here: NDArray[np.float64] | None) -> Outcome:
    """`here`: the labelled boxes (0 or 1, 4) of the person in the frame; None without truth."""
    if here is None:
        return Outcome.ABSENT if match is None else Outcome.FOUND
    if len(here) == 0:
        return Outcome.ABSENT if match is None else Outcome.FALSE_ALARM
    if match is None:
        return Outcome.MISSED
    right = _overlap(match[None], here) >= MIN_IOU
    return Outcome.FOUND if right else Outcome.WRONG


def _overlap(xyxy: NDArray[np.float64], here: NDArray[np.float64]) -> float:
    """The best IoU of any of the boxes (M, 4) with the labelled one."""
    return float(boxes.iou(xyxy, here).max(initial=0))


def _crop(frame: Frame, xyxy: NDArray[np.float64] | None) -> Frame | None:
    if xyxy is None:
        return None
    corners, touches = crop_corners(xyxy[None], frame.shape[1], frame.shape[0])
    if not touches[0]:
        return None
    left, top, right, bottom = corners[0].tolist()
    return resize_crop(frame[top:bottom, left:right], _CROP)
