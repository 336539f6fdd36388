"""State of a registry as plain data: dictionaries, lists, numbers, text and arrays."""

import time
from typing import Any

import numpy as np

from deepsort_reid.identity.prototypes import Prototypes
from deepsort_reid.identity.records import Records
from deepsort_reid.identity.track_records import TRACK_ROW, CameraRow, PersonRow

VERSION = 2

# Real time is not part of the state: equal updates give equal states.
_COLUMNS = tuple(name for name in TRACK_ROW.names or () if name != "updated")
_CAMERA_NUMBERS = ("run", "interrupted", "started", "last_time", "time_offset", "num_updates")


def records_state(records: Records) -> dict[str, Any]:
    """The records as plain data; arrays are copies."""
    rows = records.rows
    kept = records.gallery.track >= 0
    return {
        "rows": {name: rows[name].copy() for name in _COLUMNS},
        "first_key": records.first_key,
        "last_person": records.last_person,
        "seen_together": records.seen_together.state_dict(),
        "apart": records.apart.state_dict(),
        "reasons": [[key, text] for key, text in sorted(records.reasons.items())],
        "persons": [[person, row.name] for person, row in sorted(records.persons.items())],
        "cameras": [_camera_state(name, records.cameras[name]) for name in records.camera_names],
        "gallery": {
            "embedding": records.gallery.embedding[kept],
            "count": records.gallery.count[kept],
            "track": records.gallery.track[kept],
        },
        "prototypes": records.prototypes.state_dict(),
    }


def records_from_state(state: dict[str, Any]) -> Records:
    """The records of `records_state`.

    Raises KeyError, TypeError, IndexError or ValueError when the state is not one.
    """
    records = Records()
    columns = {name: np.asarray(state["rows"][name]) for name in _COLUMNS}
    records.num_tracks = len(columns["id"])
    # With room for more: the first new track would copy all.
    records._rows = np.zeros(64 + records.num_tracks * 9 // 8, dtype=TRACK_ROW)
    updated = state["rows"].get("updated", time.time())
    records._rows["updated"][: records.num_tracks] = updated
    for name, column in columns.items():
        records._rows[name][: records.num_tracks] = column
    records.first_key, records.last_person = int(state["first_key"]), int(state["last_person"])
    keys = [int(index) + records.first_key for index in np.flatnonzero(records.rows["person"] > 0)]
    records.seen_together.load_state_dict(state["seen_together"])
    records.apart.load_state_dict(state["apart"])
    records.reasons = {int(key): str(text) for key, text in state["reasons"]}
    for person, name in state["persons"]:
        records.persons[int(person)] = PersonRow(None if name is None else str(name))
    for key in keys:
        records.persons[int(records.row(key)["person"])].tracks.add(key)
    for camera in state["cameras"]:
        records.camera_names.append(str(camera["name"]))
        records.cameras[str(camera["name"])] = _camera(len(records.camera_names) - 1, camera)
    for key in keys:
        row = records.row(key)
        of_camera = records.cameras[records.camera_names[int(row["camera"])]]
        of_camera.key_of_id[int(row["run"]), int(row["id"])] = key
    _load_gallery(records, state["gallery"])
    if len(state["prototypes"]) == 1:  # of a store: those in the gallery are as new
        _open_live_tracks(records, int(state["prototypes"]["dim"]))
    else:
        records.prototypes.load_state_dict(state["prototypes"])
    for camera_row in records.cameras.values():
        index = camera_row.keys - records.first_key
        camera_row.slots = records.rows["slot"][index].astype(np.intp)
    return records


def _open_live_tracks(records: Records, dim: int) -> None:
    records.prototypes.set_dim(dim)
    for index in np.flatnonzero(records.rows["live"]).tolist():
        records.open_track(index + records.first_key)
    records.journal.clear()
    records.changed.clear()


def _load_gallery(records: Records, state: dict[str, Any]) -> None:
    embedding, count = np.asarray(state["embedding"], dtype=np.float32), state["count"]
    track = np.asarray(state["track"], dtype=np.int64)
    if embedding.ndim != 2 or not len(embedding) == len(count) == len(track):
        raise ValueError(f"gallery: expected {len(track)} prototypes, got {embedding.shape}")
    if len(track):
        counts = np.asarray(count, dtype=np.float64)
        records.gallery.load(Prototypes(embedding, counts), track)


def _camera_state(name: str, camera: CameraRow) -> dict[str, Any]:
    numbers = {each: getattr(camera, each) for each in _CAMERA_NUMBERS}
    return {"name": name, "ids": camera.ids.copy(), "keys": camera.keys.copy(), **numbers}


def _camera(number: int, state: dict[str, Any]) -> CameraRow:
    ids, keys = (np.asarray(state[name], dtype=np.int64) for name in ("ids", "keys"))
    numbers = {each: state[each] for each in _CAMERA_NUMBERS}
    return CameraRow(number, ids=ids, keys=keys, **numbers)
