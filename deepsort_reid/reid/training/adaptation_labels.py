"""Pseudo-labels for `adapt`: which boxes of a tracked video are certainly one person, or different.

A tracklet is a part of a track in which nothing could be confused: in every frame no other person
is near, and the box moves by less than its size from frame to frame. Its boxes are one person.
Tracklets that are seen in the same frames are different people. Parts of one track before and
after an occlusion are one person where their embeddings are more similar than those of different
people ever are. All other pairs are unknown.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.reid.evaluation.verification import roc_auc
from deepsort_reid.structures import boxes

MAX_OVERLAP = 0.15  # of a box with another one, share of the smaller of the two areas
MIN_STEP_IOU = 0.4  # of a box with that of the same track in the frame before
MIN_BOXES = 6  # of a tracklet
LINK_QUANTILE = 0.99  # of the similarities of different people, to join tracklets of a track
MIN_COMMON_FRAMES = 3  # in which two tracklets are seen, to be different people
GAPS = (1, 2, 5, 10, 20, 50, 100, 200, 400, 800)  # first gap of each bin of `separation`, frames
MIN_PAIRS = 30  # of one tracklet in a bin


@dataclass(frozen=True, eq=False)
class TrackedBoxes:
    """Boxes of confirmed tracks in one video."""

    frame: NDArray[np.int64]  # (N,) ascending
    track: NDArray[np.int64]  # (N,) id of the track
    xyxy: NDArray[np.float64]  # (N, 4) pixels
    is_alone: NDArray[np.bool_]  # (N,) whether no other person is near, see `alone`

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(frozen=True, eq=False)
class Tracklets:
    """Pseudo-labels of images."""

    tracklet: NDArray[np.int64]  # (N,) number from 0; -1: not used
    are_different: NDArray[np.bool_]  # (T, T) pairs of tracklets that are different people

    def __len__(self) -> int:
        return len(self.are_different)


def alone(xyxy: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Boxes (M, 4) that overlap none of `others` (K, 4) by more than MAX_OVERLAP: (M,).

    The boxes themselves may be among the others: exactly equal boxes do not count.
    """
    smaller = np.minimum(boxes.area(xyxy)[:, None], boxes.area(others)[None])
    overlap = boxes.intersection(xyxy, others) / np.maximum(smaller, 1e-9)
    is_itself = (xyxy[:, None] == others[None]).all(2)
    return np.asarray((np.where(is_itself, 0, overlap) <= MAX_OVERLAP).all(1))


def find_tracklets(tracked: TrackedBoxes, *, every: int = 1) -> Tracklets:
    """Cut tracks into tracklets, and find those that are different people.

    every: distance of the frames that were tracked.
    """
    tracklet = np.full(len(tracked), -1, np.int64)
    count = 0
    for track in np.unique(tracked.track):
        rows = np.flatnonzero((tracked.track == track) & tracked.is_alone)
        if len(rows) < MIN_BOXES:
            continue
        xyxy = tracked.xyxy[rows]
        step_iou = np.array([boxes.iou(a[None], b[None])[0, 0] for a, b in pairwise(xyxy)])
        is_end = (np.diff(tracked.frame[rows]) > every) | (step_iou < MIN_STEP_IOU)
        for part in np.split(rows, np.flatnonzero(is_end) + 1):
            if len(part) >= MIN_BOXES:
                tracklet[part] = count
                count += 1
    return Tracklets(tracklet, _seen_together(tracked.frame, tracklet, count))


def _seen_together(
    frame: NDArray[np.int64], tracklet: NDArray[np.int64], count: int
) -> NDArray[np.bool_]:
    """Pairs of tracklets (count, count) with at least MIN_COMMON_FRAMES common frames."""
    used = tracklet >= 0
    numbers, column = np.unique(frame[used], return_inverse=True)
    presence = np.zeros((count, len(numbers)), np.float32)
    presence[tracklet[used], column] = 1
    together = presence @ presence.T >= MIN_COMMON_FRAMES
    np.fill_diagonal(together, False)
    return np.asarray(together)


def link(
    tracked: TrackedBoxes,
    labels: Tracklets,
    row: NDArray[np.int64],
    embedding: NDArray[np.float32],
) -> Tracklets:
    """Labels of images, after joining tracklets of one track that certainly show one person.

    Two successive tracklets of a track are joined where their mean embeddings are more similar than
    LINK_QUANTILE of those of different people in this video; without such pairs none are joined.

    row: (K,) rows of `tracked` that have an image. embedding: (K, D) unit rows of the images.
    """
    tracklet = labels.tracklet[row]
    names = np.unique(tracklet[tracklet >= 0])
    if not len(names):
        return Tracklets(tracklet, np.zeros((0, 0), np.bool_))
    mean = np.stack([embedding[tracklet == name].mean(0) for name in names])
    mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
    similarity = mean @ mean.T
    are_different = labels.are_different[np.ix_(names, names)]
    group = np.arange(len(names))
    if are_different.any():
        threshold = np.quantile(similarity[are_different], LINK_QUANTILE)
        start = np.array([row[tracklet == name][0] for name in names])
        for track in np.unique(tracked.track[start]):
            parts = np.flatnonzero(tracked.track[start] == track)
            parts = parts[np.argsort(start[parts])]
            for previous, following in pairwise(parts.tolist()):
                if similarity[previous, following] > threshold:
                    group[following] = group[previous]
    group = np.unique(group, return_inverse=True)[1]
    joined = np.zeros((group.max() + 1, group.max() + 1), np.bool_)
    first, second = np.nonzero(are_different)
    joined[group[first], group[second]] = True
    number = np.full(len(labels), -1)
    number[names] = group
    return Tracklets(np.where(tracklet >= 0, number[tracklet], -1), joined)


def join(parts: list[Tracklets]) -> Tracklets:
    """Tracklets of several videos, between which nothing is known."""
    first = np.cumsum([0, *(len(part) for part in parts)])
    are_different = np.zeros((first[-1], first[-1]), np.bool_)
    columns = []
    for start, part in zip(first[:-1], parts, strict=True):
        end = start + len(part)
        are_different[start:end, start:end] = part.are_different
        columns.append(np.where(part.tracklet >= 0, part.tracklet + start, -1))
    return Tracklets(np.concatenate(columns), are_different)


@dataclass(frozen=True, eq=False)
class Separation:
    """ROC AUC of pairs of one person against pairs of different people, by gap in frames."""

    start: NDArray[np.int64]  # (B,) smallest gap of a bin in frames
    auc: NDArray[np.float64]  # (B,) nan in bins with fewer than MIN_PAIRS pairs of one person

    @property
    def mean(self) -> float:
        """Mean over the bins; nan where all are empty."""
        known = self.auc[np.isfinite(self.auc)]
        return float(known.mean()) if len(known) else float("nan")


def separation(
    embedding: NDArray[np.float32], labels: Tracklets, frame: NDArray[np.int64]
) -> Separation:
    """How well embeddings separate pairs of one tracklet from pairs of different people.

    embedding: unit rows (N, D). frame: (N,) of the images.
    """
    rows = np.flatnonzero(labels.tracklet >= 0)
    tracklet, number = labels.tracklet[rows], frame[rows]
    similarity = embedding[rows] @ embedding[rows].T
    first, second = np.triu_indices(len(rows), 1)
    values = similarity[first, second]
    is_same = tracklet[first] == tracklet[second]
    different = values[labels.are_different[tracklet[first], tracklet[second]]]
    gap_bin = np.searchsorted(GAPS, np.abs(number[first] - number[second]), "right") - 1
    auc = np.full(len(GAPS), np.nan)
    for index in range(len(GAPS)):
        same = values[is_same & (gap_bin == index)]
        if len(same) >= MIN_PAIRS and len(different) >= MIN_PAIRS:
            auc[index] = roc_auc(same, different)
    return Separation(np.array(GAPS), auc)
