"""Reconsideration: the persons of all tracks decided together, as a correction of single decisions.

A track is first compared with the persons known at that time, so a clear match is required. Later
there are more tracks: of the same person, which support a match, and of others, which show how
similar different people are.
"""

import math

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.identity.clustering import MIN_TRACKS, cluster, mean_embeddings
from deepsort_reid.identity.constraints import forbidden_persons, forbidden_tracks
from deepsort_reid.identity.decisions import Decisions
from deepsort_reid.identity.records import Records
from deepsort_reid.identity.track_records import PersonChange

MAX_TRACKS = 5000  # the latest ones; memory and time grow with the square
_CHUNK = 256  # tracks whose conflicts are found at once
_GROWTH = 1.5  # of the number of tracks, after which persons are reconsidered in `update`
MAX_TRACKS_IN_UPDATE = 150  # the latest ones: 5 ms


def is_due(before: int, after: int) -> bool:
    """Whether persons are reconsidered when the number of tracks grows from `before` to `after`.

    They are whenever it has grown by half, or by half of the tracks that are considered in an
    update.
    """
    due = MIN_TRACKS
    while due <= before:
        due = min(int(due * _GROWTH), due + MAX_TRACKS_IN_UPDATE // 2)
    return due <= after


def reconsider(decisions: Decisions, max_tracks: int = MAX_TRACKS) -> list[PersonChange]:
    """Merge persons that are one, as the latest tracks with embeddings show; see `clustering`.

    Tracks of one person stay together, and those set by hand keep their person.
    """
    records = decisions.records
    keys, embedding = _tracks_with_embeddings(records, max_tracks)
    if len(keys) < MIN_TRACKS:
        return []
    rows = records.rows[keys - records.first_key]
    person = rows["person"]
    forbidden = _forbidden(decisions, keys) | _set_apart(records, person, rows["by_hand"])
    clusters = cluster(embedding, rows["camera"], person, forbidden)
    changes: list[PersonChange] = []
    for label in np.flatnonzero(np.bincount(clusters.label) > 1).tolist():
        members = np.flatnonzero(clusters.label == label)
        persons = sorted(set(person[members].tolist()), key=lambda each: _rank(records, each))
        for other in persons[1:]:
            score = float(clusters.score[members[person[members] == other]].mean())
            changes += _merge(decisions, other, persons[0], score, clusters.threshold)
    return changes


def _tracks_with_embeddings(
    records: Records, max_tracks: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Keys (N,) of the latest tracks that have embeddings and a person, and their means (N, D)."""
    gallery = records.gallery
    used = gallery.track >= 0
    used[used] = records.rows["person"][gallery.track[used] - records.first_key] > 0
    first = np.unique(gallery.track[used])[-max_tracks:]
    if len(first):
        used &= gallery.track >= first[0]
    return mean_embeddings(gallery.embedding[used], gallery.count[used], gallery.track[used])


def _forbidden(decisions: Decisions, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Pairs (N, N) of tracks that are different people."""
    records = decisions.records
    index, chunks = keys - records.first_key, range(0, len(keys), _CHUNK)
    parts = [keys[first : first + _CHUNK].tolist() for first in chunks]
    found = [forbidden_tracks(records, decisions.topology, part)[:, index] for part in parts]
    pairs = np.concatenate(found)
    return np.asarray(pairs | pairs.T)


def _set_apart(
    records: Records, person: NDArray[np.int64], by_hand: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Pairs (N, N) of tracks of different persons that were set by hand, or have a name."""
    fixed = set(person[by_hand].tolist())
    fixed |= {each for each in person.tolist() if records.persons[each].name is not None}
    is_fixed = np.isin(person, list(fixed))
    return np.asarray(is_fixed[:, None] & is_fixed & (person[:, None] != person))


def _rank(records: Records, person: int) -> tuple[bool, int]:
    """Order in which persons keep their number: those set by hand or named first, then by age."""
    row = records.persons[person]
    fixed = row.name is not None or any(records.row(key)["by_hand"] for key in row.tracks)
    return not fixed, person


def _merge(
    decisions: Decisions, other: int, person: int, score: float, threshold: float
) -> list[PersonChange]:
    """Give all tracks of `other` to `person`, unless one of them cannot be that person."""
    records = decisions.records
    tracks = sorted(records.persons[other].tracks)
    if any(person in forbidden_persons(records, decisions.topology, key) for key in tracks):
        return []  # a track without embeddings, or one that was not among the latest
    probability = 1 / (1 + math.exp(threshold - score - 2))
    reason = f"score {score:.1f} among all tracks, {threshold:.1f} required"
    changes: list[PersonChange] = []
    for key in tracks:
        changes += decisions.assign(key, person, probability, None, reason)
    return changes
