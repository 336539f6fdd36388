"""Update of the registry with the tracks of one frame."""

import time as wall_clock
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.identity.decisions import Decisions
from deepsort_reid.identity.reconsideration import MAX_TRACKS_IN_UPDATE, is_due, reconsider
from deepsort_reid.identity.records import Records
from deepsort_reid.identity.track_records import CameraRow, PersonChange
from deepsort_reid.identity.track_relation import keys_of, union
from deepsort_reid.structures.numbers import as_float, as_numbers

Ints = NDArray[np.int64]
Embeddings = NDArray[np.float32]

# A clock that is set back by less is held until it has caught up. In the unit of the times.
MAX_CLOCK_STEP = 60.0
# Cameras whose runs start with a time that is earlier by less are taken to have one clock.
MAX_START_DIFFERENCE = 5.0
_AFTER = 1e-3  # by which a shifted time follows
SINCE_1970 = 1e8  # times above are seconds since 1970: as frames, they were 46 days
# Tracks that are searched in one update, and prototypes with which they are compared: 5 ms.
_MAX_SEARCHES, _MAX_SEARCHED_ROWS = 24, 12_000
_UNIT_TOLERANCE = 2e-2  # of the squared length of an embedding: files may hold float16


class RegistryUpdate(NamedTuple):
    """Result of `PersonRegistry.update`.

    Attributes:
        person_id: persons (T,) of the tracks of this frame.
        changes: tracks, of this or an earlier frame, that are of another person than said before.
    """

    person_id: Ints
    changes: list[PersonChange]


class FrameTracks(NamedTuple):
    """Tracks of one frame, checked.

    Attributes:
        id: (T,).
        embedding: (T, D); None when no track has one.
        storable: (T,).
        has_embedding: (T,) rows of `embedding` that are not zero; None when all are.
        first_time: (T,); None when it is that of the update.
    """

    id: Ints
    embedding: Embeddings | None
    storable: NDArray[np.bool_]
    has_embedding: NDArray[np.bool_] | None
    first_time: NDArray[np.float64] | None = None


def checked_tracks(
    id: ArrayLike,
    embedding: ArrayLike | None,
    storable: ArrayLike | None,
    first_time: ArrayLike | None = None,
) -> FrameTracks:
    """The tracks of a frame; raises ValueError when they are not as in `PersonRegistry.update`."""
    ids = np.asarray(id)
    if ids.ndim != 1 or (ids.dtype.kind not in "iu" and len(ids)):
        raise ValueError(f"id must be whole numbers of shape (T,), got {ids.dtype} {ids.shape}")
    ids = ids.astype(np.int64)
    if storable is None:
        flags = np.ones(len(ids), dtype=bool)
    else:
        flags = np.asarray(storable)
        if flags.shape != ids.shape or (flags.dtype != bool and len(flags)):
            raise ValueError(f"storable must be bool of shape {ids.shape}, got {flags.shape}")
    first = None if first_time is None else _checked_first_time(first_time, len(ids))
    if embedding is None or not len(ids):
        return FrameTracks(ids, None, flags, None, first)
    rows = as_numbers(embedding, np.float32, "embedding must be numbers of shape (T, D)")
    if rows.ndim != 2 or len(rows) != len(ids) or not rows.shape[1]:
        raise ValueError(f"embedding must have shape ({len(ids)}, D), got {rows.shape}")
    square = np.einsum("td,td->t", rows, rows)
    if np.count_nonzero(np.abs(square - 1) <= _UNIT_TOLERANCE) == len(rows):
        return FrameTracks(ids, rows, flags, None, first)
    has_embedding = square > 0
    wrong = ~(np.abs(square - 1) <= _UNIT_TOLERANCE) & ~(square == 0)  # includes NaN
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"embedding must be rows of length 1, or 0 for none, got length "
            f"{float(square[row]) ** 0.5:.4g} in row {row}"
        )
    embeddings = rows if has_embedding.any() else None
    return FrameTracks(ids, embeddings, flags, has_embedding, first)


def _checked_first_time(first_time: ArrayLike, number: int) -> NDArray[np.float64]:
    times = as_numbers(first_time, np.float64, f"first_time must be numbers of shape ({number},)")
    if times.shape != (number,) or not np.isfinite(times).all():
        raise ValueError(f"first_time must be finite, of shape ({number},), got {times.shape}")
    return times


def checked_time(name: str, camera: CameraRow, time: float, records: Records) -> float:
    """The time of an update on the clock of the registry.

    Args:
        name, camera: the camera.
        time: as given.
        records: of all cameras.

    A clock that does not count from 1970 may start over with each run: where the first time of a
    run lies before the latest one of any camera, its times are shifted to follow that. Otherwise
    two videos that are tracked one after the other would seem to be recorded at the same time.
    """
    value = as_float(time)
    if not np.isfinite(value):
        raise ValueError(f"time of camera {name!r} must be a finite number, got {time!r:.80}")
    if not camera.started:
        latest = max(each.last_time for each in records.cameras.values())
        starts_over = value < min(latest - MAX_START_DIFFERENCE, SINCE_1970)
        camera.time_offset = latest + _AFTER - value if starts_over else 0.0
        camera.last_time = value + camera.time_offset
    value += camera.time_offset
    if value < camera.last_time - MAX_CLOCK_STEP:
        raise ValueError(
            f"time of camera {name!r} must not go back: got {time:g} after "
            f"{camera.last_time - camera.time_offset:g}; call start_camera({name!r}) when its "
            "clock starts over"
        )
    return max(value, camera.last_time)


def update_camera(
    decisions: Decisions,
    camera: CameraRow,
    time: float,
    tracks: FrameTracks,
    ended: Collection[int],
) -> RegistryUpdate:
    """Update with the tracks of one frame; what changes is journaled, see `Records`."""
    records = decisions.records
    num_tracks = records.num_tracks
    camera.last_time, camera.started = time, True
    changes: list[PersonChange] = []
    if not np.array_equal(tracks.id, camera.ids):
        changes += _set_present(decisions, camera, tracks, time)
    keys = camera.keys
    if len(keys):
        index, present = keys - records.first_key, keys.tolist()
        # One copy of the rows is changed and put back: an access to a column takes as long.
        rows = records.save_rows(keys).copy()
        rows["last_time"], rows["updated"] = time, wall_clock.time()
        records.changed.update(present)
        due = keys[:0]
        if tracks.embedding is not None:
            due = _add_embeddings(decisions, camera, tracks, rows)
        records.rows[index] = rows
        if len(due):
            changes += decisions.search(_first_due(records, due), present)
            rows = records.rows[index]
        new = keys[rows["person"] == 0]
        if len(new):
            for key in sorted(new.tolist(), key=lambda each: int(records.row(each)["id"])):
                person = records.new_person()
                changes += decisions.assign(key, person, 1.0, None, "not compared yet")
    for id in ended:
        changes += end_track(decisions, camera, id)
    if num_tracks < records.num_tracks and is_due(num_tracks, records.num_tracks):
        changes += reconsider(decisions, MAX_TRACKS_IN_UPDATE)
    person_id = records.rows["person"][keys - records.first_key]
    return RegistryUpdate(np.asarray(person_id, dtype=np.int64), _condensed(changes))


def _first_due(records: Records, due: Ints) -> list[int]:
    """The tracks that are searched in this update, others in the next ones: a burst takes long.

    Tracks without a person are first, then those with few embeddings.
    """
    number = max(1, min(_MAX_SEARCHES, _MAX_SEARCHED_ROWS // max(len(records.gallery), 1)))
    if len(due) > number:
        rows = records.rows[due - records.first_key]
        due = due[np.lexsort((due, rows["num_embeddings"], rows["person"] > 0))[:number]]
    searched: list[int] = due.tolist()
    return searched


def _condensed(changes: list[PersonChange]) -> list[PersonChange]:
    """At most one change for each track: the last one, from the person before the first."""
    if not changes:
        return changes
    last: dict[tuple[str, int], PersonChange] = {}
    for change in changes:
        first = last.get((change.camera, change.id), change)
        change = change._replace(previous_person_id=first.previous_person_id)
        last[change.camera, change.id] = change
    return [each for each in last.values() if each.person_id != each.previous_person_id]


def end_track(decisions: Decisions, camera: CameraRow, id: int) -> list[PersonChange]:
    """End a track of a camera: its person is searched with all embeddings, and then kept."""
    records = decisions.records
    key = camera.key_of_id.get((camera.run, int(id)))
    if key is None or not records.row(key)["live"]:
        return []
    changes: list[PersonChange] = []
    row = records.row(key)
    number = int(row["num_embeddings"])
    # Searched already with these embeddings: `next_search` is twice their number.
    if 2 * number > int(row["next_search"]):
        changes = decisions.search([key], ())
    elif number:
        records.update_gallery(key)
    records.close_track(key)
    camera.drop_present(key)
    return changes


def begin_run(decisions: Decisions, camera: CameraRow, run: int | None = None) -> None:
    """Begin a new run of a camera, or continue `run`; tracks of the run before end."""
    camera.interrupted = False
    if run == camera.run:
        return
    rows = decisions.records.rows
    live = np.flatnonzero(rows["live"] & (rows["camera"] == camera.number))
    for id in rows["id"][live].tolist():
        end_track(decisions, camera, id)
    runs = {camera.run, *(each for each, _ in camera.key_of_id)}
    camera.run = max(runs) + 1 if run is None else int(run)
    camera.started = run is not None
    camera.ids, camera.keys, camera.slots = camera.ids[:0], camera.keys[:0], camera.slots[:0]


def _set_present(
    decisions: Decisions, camera: CameraRow, tracks: FrameTracks, time: float
) -> list[PersonChange]:
    """Set the tracks that are matched in this frame; those seen together are different people."""
    records = decisions.records
    given = tracks.id.tolist()
    if len(set(given)) < len(given) or min(given, default=1) < 1:
        raise ValueError(f"id must be different numbers from 1, got {given!r:.80}")
    since = dict.fromkeys(given, time)
    if tracks.first_time is not None:
        times = np.minimum(tracks.first_time + camera.time_offset, time)
        since = dict(zip(given, times.tolist(), strict=True))
    for id in sorted(given):
        if (camera.run, id) not in camera.key_of_id:
            records.add_track(camera, id, since[id], time, framewise=True)
    keys = [camera.key_of_id[camera.run, id] for id in given]
    before = set(camera.keys.tolist())
    begun = sorted(key for key in keys if key not in before)
    for key in begun:
        if not records.row(key)["live"]:
            records.open_track(key)
    camera.ids, camera.keys = tracks.id.copy(), np.array(keys, dtype=np.int64)
    camera.slots = records.rows["slot"][camera.keys - records.first_key].astype(np.intp)
    added = records.relate(records.seen_together, begun, keys)
    if min(since.values(), default=time) < time:
        for key in begun:
            earlier = _matched_since(records, camera, since[int(records.row(key)["id"])])
            more = records.relate(records.seen_together, [key], earlier)
            added[key] = union(added.get(key, {}), more.get(key, {}))
    changes: list[PersonChange] = []
    for key in sorted(added):
        if records.row(key)["person"]:
            for other in keys_of(added[key]):
                if records.row(key)["person"] == records.row(other)["person"]:
                    changes += _separate(decisions, key, other)
    return changes


def _matched_since(records: Records, camera: CameraRow, time: float) -> set[int]:
    """Tracks of the run of a camera that were matched at this time or later."""
    rows = records.rows
    of_run = (rows["camera"] == camera.number) & (rows["run"] == camera.run) & rows["framewise"]
    return set((np.flatnonzero(of_run & (rows["last_time"] >= time)) + records.first_key).tolist())


def _separate(decisions: Decisions, key: int, other: int) -> list[PersonChange]:
    """Give one of two tracks of a person that were seen in one frame another person."""
    records = decisions.records
    movable = [each for each in (key, other) if not records.row(each)["by_hand"]]
    if not movable:
        return []  # the user knows better: a mirror, or a person detected twice
    # The one with less evidence leaves; the later one where that is equal.
    leaving = min(movable, key=lambda each: (int(records.row(each)["num_embeddings"]), -each))
    stays = records.track(key + other - leaving)
    return decisions.leave(
        leaving, f"seen in one frame with track {stays.id} of person {stays.person_id}"
    )


def _add_embeddings(
    decisions: Decisions, camera: CameraRow, tracks: FrameTracks, rows: NDArray[np.void]
) -> Ints:
    """Add the embeddings of a frame to the prototypes; returns keys of tracks to be searched.

    rows: `TRACK_ROW`s (T,) of the tracks, whose numbers of embeddings are set.
    """
    records, table = decisions.records, decisions.records.prototypes
    keys, slots, embedding, storable = camera.keys, camera.slots, tracks.embedding, tracks.storable
    assert embedding is not None
    if embedding.shape[1] != table.dim:
        records.save_attributes(table)
        table.set_dim(embedding.shape[1])
    if tracks.has_embedding is not None:
        present = tracks.has_embedding
        slots, embedding, storable = slots[present], embedding[present], storable[present]
    backup = table.backup(slots)
    records.journal.add(table.restore, backup)
    table.update(slots, embedding, storable, decisions.matching.join_distance, backup)
    number = table.num_embeddings.take(camera.slots)
    # A first storable embedding replaces provisional ones: the count begins again.
    restarted = number < rows["num_embeddings"]
    rows["num_embeddings"] = number
    if np.count_nonzero(restarted):
        rows["next_search"][restarted] = number[restarted]
    due = number >= rows["next_search"]
    if tracks.has_embedding is not None:
        due &= tracks.has_embedding
    found: Ints = keys.compress(due)
    return found


def as_ids(ended: ArrayLike | Sequence[Any]) -> list[int]:
    """Ids of ended tracks as a list; raises ValueError when they are no whole numbers."""
    values = np.asarray(ended)
    if not values.size:
        return []
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise ValueError(f"ended must be ids, whole numbers of shape (E,), got {ended!r:.80}")
    return list(map(int, values.tolist()))
