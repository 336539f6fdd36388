"""Inputs of the tracker's tests: boxes at known positions, unit embeddings, a noisy crowd."""

from dataclasses import replace

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections, State
from deepsort_reid.tracking import (
    AspectMotion,
    GalleryAppearance,
    MatchingCascade,
    SizeMotion,
    kalman,
)
from deepsort_reid.tracking.association import AssociationInput
from deepsort_reid.tracking.extras import box_smoothing
from deepsort_reid.tracking.track_table import TrackTable

MOTION_MODEL = AspectMotion()


def default(**config):
    """The default tracker with these fields of the configuration changed."""
    return DeepSort(DeepSortConfig(**config))


def published_with(**config):
    """DeepSORT as published with these fields of the configuration changed."""
    return DeepSort(
        replace(DeepSortConfig.published(), **config),
        association=MatchingCascade(),
        motion=AspectMotion(),
        appearance=GalleryAppearance(),
    )


def alternative_parts(**config):
    """The default association with the motion model and gallery that are not the default."""
    return DeepSort(
        DeepSortConfig(**config), motion=SizeMotion(), appearance=GalleryAppearance(budget=20)
    )


TRACKERS = {"default": default, "published": published_with, "alternative": alternative_parts}
each_tracker = pytest.mark.parametrize("make", TRACKERS.values(), ids=TRACKERS.keys())


def boxes_at(*lefts, top=100, width=20, height=50):
    """Boxes (N, 4) of one size with these left edges."""
    rows = [[left, top, left + width, top + height] for left in lefts]
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def orthogonal_embeddings(n, width=16, seed=0):
    """Unit embeddings (n, width) of n identities, orthogonal to each other."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))[0][:n]


def perturbed(embedding, rng, noise=0.03):
    """The embeddings (N, D) with added noise, unit length again."""
    changed = embedding + noise * rng.normal(size=embedding.shape)
    return changed / np.linalg.norm(changed, axis=1, keepdims=True)


def crowd(frames, people=12, seed=0, embedded=True, classes=1):
    """Detections of each frame: walking people with misses, noise and false positives."""
    rng = np.random.default_rng(seed)
    place = rng.uniform([0, 0], [640, 480], (people, 2))
    speed = rng.normal(0, 3, (people, 2))
    height = rng.uniform(60, 140, people)
    width = max(16, people)
    embedding, class_id = orthogonal_embeddings(people, width), rng.integers(0, classes, people)
    for _ in range(frames):
        place += speed
        seen = np.flatnonzero(rng.random(people) < 0.85)
        false = rng.integers(0, 3)
        centre = np.concatenate(
            [place[seen] + rng.normal(0, 1, (len(seen), 2)), rng.uniform(0, 480, (false, 2))]
        )
        tall = np.concatenate([height[seen] * rng.normal(1, 0.02, len(seen)), np.full(false, 90.0)])
        rows = np.concatenate(
            [perturbed(embedding[seen], rng), perturbed(np.zeros((false, width)), rng, 1)]
        )
        yield Detections.from_xywh(
            np.column_stack([centre, 0.4 * tall, tall]),
            np.concatenate([rng.uniform(0.4, 1, len(seen)), rng.uniform(0, 0.6, false)]),
            np.concatenate([class_id[seen], np.zeros(false, dtype=np.int64)]),
            rows if embedded else None,
        )


def make_tracks(xyxy, state, misses, embedding):
    """A table of standing tracks at `xyxy` (N, 4), and the gallery store with their embeddings."""
    n = len(xyxy)
    pool = GalleryAppearance(budget=5).create_store()
    pool.set_dim(embedding.shape[1])
    slot = pool.allocate(n)
    has_embedding = embedding.any(axis=1)
    pool.add(slot[has_embedding], embedding[has_embedding].astype(np.float32))
    table, number = TrackTable(), np.arange(n)
    motion = kalman.initiate(MOTION_MODEL, MOTION_MODEL.measure(xyxy))
    table.append(
        motion=kalman.predict(MOTION_MODEL, motion),
        smoother_state=box_smoothing.initiate(xyxy),
        xyxy=xyxy,
        score=np.ones(n),
        state=np.array(state),
        misses=np.array(misses),
        slot=slot,
        **dict.fromkeys(("id", "hits", "age", "detection"), number),
    )
    return table, pool


def association_input(table, galleries, detections, forbidden=None, high_score_threshold=0.4):
    """The input of an association of these tracks and detections, under the test's motion model."""
    if forbidden is None:
        forbidden = np.zeros((len(table), len(detections)), dtype=bool)
    embedding = detections.embedding
    has_embedding = np.zeros(len(detections), bool) if embedding is None else embedding.any(axis=1)
    high_score = detections.score >= high_score_threshold
    masks = high_score, has_embedding, forbidden
    return AssociationInput(table, galleries, MOTION_MODEL, detections, *masks)


def associate(rule, tracks, detections, forbidden=None, high_score_threshold=0.4):
    """Matched pairs, a set of (track row, detection row)."""
    table, galleries = tracks
    inputs = association_input(table, galleries, detections, forbidden, high_score_threshold)
    return {tuple(pair) for pair in rule(inputs).pairs.tolist()}


def confirmed_tracks(xyxy, embedding, misses=None):
    """Tracks with ids, matched in the previous frame unless `misses` says otherwise."""
    misses = [1] * len(xyxy) if misses is None else misses
    state = [State.CONFIRMED if missed == 1 else State.COASTING for missed in misses]
    return make_tracks(xyxy, state, misses, embedding)
