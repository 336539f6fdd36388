"""Ended tracks that are added at once, such as those of an archive."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from deepsort_reid.identity.decisions import Decisions
from deepsort_reid.identity.frame_update import checked_tracks
from deepsort_reid.identity.prototypes import MAX_PROTOTYPES, Prototypes, PrototypeTable
from deepsort_reid.identity.track_records import CameraRow
from deepsort_reid.structures.numbers import as_float, as_numbers


def summarize(
    embedding: ArrayLike, storable: ArrayLike | None = None, *, join_distance: float
) -> Prototypes:
    """The prototypes of a track whose embeddings (N, D) are all known, in the order of time.

    Args:
        embedding: unit rows (N, D); a row of zeros is none.
        storable: rows (N,) that show one complete person; others are used when there are none.
        join_distance: embeddings up to this cosine distance from a prototype join it.

    Raises ValueError when an argument is not as above.
    """
    rows = np.asarray(embedding)
    if rows.ndim != 2:
        raise ValueError(f"embedding must have shape (N, D), got {rows.shape}")
    tracks = checked_tracks(np.arange(1, len(rows) + 1), rows, storable)
    table = PrototypeTable()
    table.set_dim(rows.shape[1])
    slot = table.free_slot()
    nothing = np.empty((0, rows.shape[1]), dtype=np.float32)
    table.allocate(slot, Prototypes(nothing, np.empty(0)))
    if tracks.embedding is not None:
        present = tracks.embedding.any(axis=1)
        slots = np.array([slot])
        for row in np.flatnonzero(present).tolist():
            each = tracks.embedding[row : row + 1]
            table.update(slots, each, tracks.storable[row : row + 1], join_distance)
    return table.prototypes(slot)


def checked_prototypes(embedding: ArrayLike, counts: ArrayLike) -> Prototypes:
    """Prototypes of a track that were made before.

    Args:
        embedding: unit rows (P, D).
        counts: number of embeddings (P,) in each, 1 or more.

    Raises ValueError when an argument is not as above.
    """
    rows = np.asarray(embedding)
    wanted = f"counts must be numbers from 1 of shape ({len(rows) if rows.ndim else 0},)"
    numbers = as_numbers(counts, np.float64, wanted)
    if rows.ndim != 2 or len(rows) > MAX_PROTOTYPES:
        raise ValueError(
            f"embedding must be prototypes of shape (P, D), P up to {MAX_PROTOTYPES}, got "
            f"{rows.shape}"
        )
    if numbers.shape != (len(rows),) or not ((numbers >= 1) & np.isfinite(numbers)).all():
        raise ValueError(f"{wanted}, got {counts!r:.80}")
    checked = checked_tracks(np.arange(1, len(rows) + 1), rows, None)
    if checked.has_embedding is not None and not checked.has_embedding.all():
        raise ValueError("embedding must be prototypes of length 1, got a row of zeros")
    return Prototypes(np.asarray(rows, dtype=np.float32), numbers)


def add_ended_track(
    decisions: Decisions,
    camera: str,
    row: CameraRow,
    times: tuple[float | None, float | None],
    prototypes: Prototypes,
    seen_together: Iterable[int] | None,
    id: int | None,
) -> int:
    """See `PersonRegistry.add_track`."""
    records = decisions.records
    first_time, last_time = _checked_times(camera, times)
    if id is None:
        id = 1 + max((each for run, each in row.key_of_id if run == row.run), default=0)
    elif isinstance(id, bool) or not isinstance(id, int | np.integer) or id < 1:
        raise ValueError(f"id must be a whole number from 1, got {id!r:.40}")
    if (row.run, int(id)) in row.key_of_id:
        raise ValueError(f"camera {camera!r} already has a track {id}")
    given = None if seen_together is None else _keys_of_run(camera, row, seen_together)
    if len(prototypes.embedding) and prototypes.embedding.shape[1] != records.prototypes.dim:
        records.save_attributes(records.prototypes)
        records.prototypes.set_dim(prototypes.embedding.shape[1])
    framewise = given is not None
    key = records.add_track(row, int(id), first_time, last_time, framewise=framewise)
    row.started = True
    together = _tracks_at_the_time(decisions, key) if given is None else given
    records.relate(records.seen_together, [key], together)
    records.row(key)["num_embeddings"] = int(prototypes.counts.sum())
    if len(prototypes.embedding):
        records.set_gallery(key, prototypes)
        decisions.search([key], together | {key})
    else:
        decisions.assign(key, records.new_person(), 1.0, None, "no embeddings to compare")
    return int(records.row(key)["person"])


def _keys_of_run(camera: str, row: CameraRow, ids: Iterable[int]) -> set[int]:
    """Keys of earlier tracks of the run of a camera; raises ValueError for an unknown one."""
    places = [(row.run, each) for each in ids]
    unknown = [id for run, id in places if (run, id) not in row.key_of_id]
    if unknown:
        raise ValueError(f"seen_together: camera {camera!r} has no track {unknown[0]!r:.40}")
    return {row.key_of_id[place] for place in places}


def _tracks_at_the_time(decisions: Decisions, key: int) -> set[int]:
    """Tracks of the same camera at the time of a track."""
    rows, own = decisions.records.rows, decisions.records.row(key)
    found = (rows["camera"] == own["camera"]) & (rows["person"] > 0)
    found &= (rows["first_time"] <= own["last_time"]) & (rows["last_time"] >= own["first_time"])
    return set((np.flatnonzero(found) + decisions.records.first_key).tolist())


def _checked_times(camera: str, times: tuple[Any, Any]) -> tuple[float, float]:
    first, last = (math.nan if each is None else as_float(each) for each in times)
    unknown = times[0] is None or times[1] is None
    if not unknown and not -math.inf < first <= last < math.inf:
        raise ValueError(
            f"times of a track of camera {camera!r} must be finite, the first one not above the "
            f"last one, got {times[0]!r:.40} and {times[1]!r:.40}"
        )
    return (math.nan, math.nan) if unknown else (first, last)
