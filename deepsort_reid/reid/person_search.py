"""Search for one person in video frames by appearance, and by track or person where known."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
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

MIN_IOU = 0.5  # of a match with the labelled box, as in MOTChallenge
Identify = Callable[[Frame, NDArray[np.float64], NDArray[np.float32]], NDArray[np.int64]]
_CROP_SIZE = (192, 96)  # height, width in pixels of the crop stored for each frame


class Reference(Protocol):
    """Reference embeddings of the person, updated with each match."""

    def similarity(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        """Similarity of unit rows (M, D) to the person: (M,), at most 1."""

    def update(self, embedding: NDArray[np.float32], similarity: float, margin: float) -> None:
        """Add a match (D,); `margin` is its similarity minus that of the second best candidate."""


class LastMatch:
    """Reference that is the embedding of the last match.

    It follows changes of light and pose, and drifts after a wrong match.
    """

    def __init__(self, query: NDArray[np.float32]) -> None:
        self._last = query

    def similarity(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cosine with the last match: (M, D) -> (M,)."""
        return embedding @ self._last

    def update(self, embedding: NDArray[np.float32], similarity: float, margin: float) -> None:
        """Replace the reference by the match."""
        self._last = embedding


class Gallery:
    """Reference of the query and the last confident matches; the most similar one counts.

    size: number of matches kept in addition to the query, which always stays. min_similarity,
    min_margin: a match is added only above both, because one wrong entry attracts further wrong
    matches.

    Raises ValueError for a size below 1.
    """

    def __init__(
        self,
        query: NDArray[np.float32],
        *,
        size: int = 100,
        min_similarity: float = 0.6,
        min_margin: float = 0.05,
    ) -> None:
        if size < 1:
            raise ValueError(f"gallery: expected a size of at least 1, got size {size}")
        self._query = query
        self._matches: deque[NDArray[np.float32]] = deque(maxlen=size)
        self._min_similarity, self._min_margin = min_similarity, min_margin

    def similarity(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        """Highest cosine with the gallery: (M, D) -> (M,)."""
        cosine = embedding @ np.stack([self._query, *self._matches]).T  # (M, K)
        return np.asarray(cosine.max(axis=1), np.float32)

    def update(self, embedding: NDArray[np.float32], similarity: float, margin: float) -> None:
        """Add a confident match; a full gallery drops its oldest match."""
        if similarity >= self._min_similarity and margin >= self._min_margin:
            self._matches.append(embedding)


class Outcome(Enum):
    """Result of one frame. Without ground truth only FOUND and ABSENT occur."""

    FOUND = "found"  # a match; with ground truth: the correct one
    WRONG = "wrong"  # the match is another person, while the person is present
    MISSED = "missed"  # no match, while the person is present
    FALSE_ALARM = "false alarm"  # a match, while the person is absent
    ABSENT = "absent"  # no match; with ground truth: correctly so


@dataclass(frozen=True, eq=False)
class SearchResult:
    """Result of the search in one frame."""

    frame: int  # from 1
    xyxy: NDArray[np.float64] | None  # (4,) of the match; None without one
    similarity: float  # of the best candidate; nan without candidates
    outcome: Outcome
    crop: Frame | None  # BGR uint8, of the match, or of the labelled person where missed
    has_candidate: bool = True  # False: the person is labelled, but no candidate overlaps the label
    number: int = 0  # of the track or person of the match; 0 where unknown
    margin: float = float("inf")  # of a recognised match: similarity minus that of the second best


class SearchLog:
    """The results so far, of which evenly spaced ones keep their crops, so that memory is bounded.

    Args:
        max_crops: largest number of crops kept.
    """

    def __init__(self, max_crops: int = 240) -> None:
        self.results: list[SearchResult] = []
        self._max_crops = max_crops
        self._with_crop: list[int] = []  # rows of `results`
        self._num_shown, self._step = 0, 1  # every `_step`-th crop is kept

    def append(self, result: SearchResult) -> None:
        """Add the result of the next frame."""
        if result.crop is not None:
            if self._num_shown % self._step:
                result = replace(result, crop=None)
            else:
                self._with_crop.append(len(self.results))
            self._num_shown += 1
        self.results.append(result)
        if len(self._with_crop) > self._max_crops:
            for row in self._with_crop[1::2]:
                self.results[row] = replace(self.results[row], crop=None)
            self._with_crop, self._step = self._with_crop[::2], 2 * self._step


@dataclass(frozen=True, eq=False)
class SearchSummary:
    """Results of all frames of a search, and their counts."""

    results: Sequence[SearchResult]

    @property
    def frames_present(self) -> int:
        """Number of frames in which the person is labelled."""
        present = (Outcome.FOUND, Outcome.WRONG, Outcome.MISSED)
        return sum(result.outcome in present for result in self.results)

    def count(self, outcome: Outcome) -> int:
        """Number of frames with this outcome."""
        return sum(result.outcome is outcome for result in self.results)

    @property
    def frames_without_candidate(self) -> int:
        """Number of frames in which the person is labelled but no candidate overlaps the label."""
        return sum(not result.has_candidate for result in self.results)

    @property
    def recall(self) -> float:
        """Share of the frames with the person in which it was found; nan without such frames."""
        present = self.frames_present
        return self.count(Outcome.FOUND) / present if present else float("nan")


def find_person(
    frames: Iterable[tuple[int, Frame]],
    detect: Callable[[Frame], NDArray[np.float64]],
    embed: Callable[[Frame, NDArray[np.float64]], NDArray[np.float32]],
    reference: Reference,
    *,
    threshold: float = 0.6,
    truth: MotRows | None = None,
    identify: Identify | None = None,
) -> Iterator[SearchResult]:
    """Yield for each frame the most similar candidate, if its similarity reaches `threshold`.

    With `identify`, a candidate below the threshold is a match, too, where no other reaches it and
    the candidate has the number of most matches so far.

    frames: pairs of frame number, from 1, and BGR uint8 (H, W, 3). detect: frame -> boxes xyxy
    (M, 4) in pixels. embed: frame and boxes -> unit rows (M, D), such as an `Embedder`. truth:
    labels of the person alone; a match is correct at an IoU of MIN_IOU. Without labels every match
    counts as found. identify: frame, boxes and embeddings -> numbers (M,) of tracks or persons.

    Raises ValueError for a threshold outside [-1, 1].
    """
    if not -1 <= threshold <= 1:
        raise ValueError(f"threshold: expected a cosine in [-1, 1], got {threshold}")
    votes = Counter[int]()
    for number, frame in frames:
        xyxy = boxes.as_boxes(detect(frame))
        labelled = None if truth is None else truth.xyxy[truth.frame == number]
        embedding = embed(frame, xyxy) if len(xyxy) else np.zeros((0, 1), np.float32)
        numbers = np.zeros(len(xyxy), np.int64)
        if identify is not None:
            numbers = identify(frame, xyxy, embedding)
        match, best, found, margin = None, float("nan"), 0, float("inf")
        if len(xyxy):
            similarity = reference.similarity(embedding)
            order = np.argsort(-similarity, kind="stable")
            best, row = float(similarity[order[0]]), int(order[0])
            followed = np.flatnonzero(numbers == _most_frequent(votes))
            if best >= threshold:
                if len(order) > 1:
                    margin = best - float(similarity[order[1]])
                reference.update(embedding[row], best, margin)
                votes[int(numbers[row])] += 1
                match, found = xyxy[row], int(numbers[row])
            elif len(followed):
                row = int(followed[0])
                match, best, found = xyxy[row], float(similarity[row]), int(numbers[row])
        outcome = _outcome(match, labelled)
        shown = labelled[0] if outcome is Outcome.MISSED and labelled is not None else match
        has_candidate = (
            labelled is None or len(labelled) == 0 or _max_iou(xyxy, labelled) >= MIN_IOU
        )
        crop = _crop(frame, shown)
        yield SearchResult(number, match, best, outcome, crop, has_candidate, found, margin)


def _most_frequent(votes: Counter[int]) -> int:
    """The number above 0 with most votes; -1 without one."""
    known = [(count, -number) for number, count in votes.items() if number > 0]
    return -max(known)[1] if known else -1


def identity_at(truth: MotRows, frame: int, xyxy: NDArray[np.float64]) -> int:
    """Id of the labelled person whose box in `frame` has the highest IoU with `xyxy` (4,).

    Raises ValueError when no IoU reaches MIN_IOU.
    """
    rows = truth[truth.frame == frame]
    iou = boxes.iou(xyxy[None], rows.xyxy)[0]
    if not len(rows) or iou.max() < MIN_IOU:
        best = f"the highest IoU is {iou.max():.2f}" if len(rows) else "the frame has no labels"
        raise ValueError(
            f"query: the box {boxes.xyxy_to_tlwh(xyxy[None])[0].tolist()} matches no labelled "
            f"person in frame {frame} ({best}, expected at least {MIN_IOU}): correct the box, or "
            "give --identity"
        )
    return int(rows.id[iou.argmax()])


def search_montage(
    results: Sequence[SearchResult], *, limit: int = 120, columns: int = 20
) -> Frame:
    """Montage of at most `limit` results, evenly spaced, as BGR uint8 (H, W, 3).

    Captions show the frame number. With ground truth, correct matches are framed in green, all
    others in red. Raises ValueError when there is no crop to show.
    """
    shown = [result for result in results if result.crop is not None]
    if not shown:
        raise ValueError("montage: no match in any frame, and the person is not labelled")
    has_truth = any(each.outcome not in (Outcome.FOUND, Outcome.ABSENT) for each in results)
    tiles = []
    for row in evenly_spaced(len(shown), limit):
        result = shown[row]
        found = CORRECT if has_truth else NEUTRAL
        colour = found if result.outcome is Outcome.FOUND else WRONG
        suffix = {Outcome.MISSED: " miss", Outcome.FOUND: ""}.get(result.outcome, " no")
        tiles.append(Tile(result.crop, f"{result.frame}{suffix}", colour))
    return montage(split_into_rows(tiles, columns))


def _outcome(match: NDArray[np.float64] | None, labelled: NDArray[np.float64] | None) -> Outcome:
    """labelled: boxes (0 or 1, 4) of the person in the frame; None without ground truth."""
    if labelled is None:
        return Outcome.ABSENT if match is None else Outcome.FOUND
    if len(labelled) == 0:
        return Outcome.ABSENT if match is None else Outcome.FALSE_ALARM
    if match is None:
        return Outcome.MISSED
    return Outcome.FOUND if _max_iou(match[None], labelled) >= MIN_IOU else Outcome.WRONG


def _max_iou(xyxy: NDArray[np.float64], labelled: NDArray[np.float64]) -> float:
    """Highest IoU of any of the boxes (M, 4) with the labelled boxes; 0 without boxes."""
    return float(boxes.iou(xyxy, labelled).max(initial=0))


def _crop(frame: Frame, xyxy: NDArray[np.float64] | None) -> Frame | None:
    if xyxy is None:
        return None
    corners, inside = crop_corners(xyxy[None], frame.shape[1], frame.shape[0])
    if not inside[0]:
        return None
    left, top, right, bottom = corners[0].tolist()
    return resize_crop(frame[top:bottom, left:right], _CROP_SIZE)
