"""Rows of a store: its tables, and the conversion between them and the state of a registry."""

import json
import sqlite3
from typing import Any

import numpy as np

from deepsort_reid.identity.records import Records
from deepsort_reid.identity.track_records import TRACK_ROW
from deepsort_reid.identity.track_relation import BLOCK_ROW, relation_state

SCHEMA_VERSION = 2
SCHEMA = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE cameras (number INTEGER PRIMARY KEY, name TEXT UNIQUE, run INTEGER,
    num_updates INTEGER, last_time REAL, time_offset REAL);
CREATE TABLE persons (person INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE tracks (key INTEGER PRIMARY KEY, camera INTEGER, run INTEGER, id INTEGER,
    first_time REAL, last_time REAL, live INTEGER, framewise INTEGER, by_hand INTEGER,
    person INTEGER, probability REAL, runner_up INTEGER, num_embeddings INTEGER,
    next_search INTEGER, updated REAL, reason TEXT, seen_together BLOB, apart BLOB, counts BLOB,
    embedding BLOB);
"""

_NUMBERS = tuple(name for name in TRACK_ROW.names or () if name != "slot")
_RELATIONS = ("seen_together", "apart")
_COLUMNS = (*_NUMBERS, "reason", *_RELATIONS, "counts", "embedding")
_WRITE_TRACK = (
    f"INSERT INTO tracks (key, {', '.join(_COLUMNS)}) "
    f"VALUES (?{', ?' * len(_COLUMNS)}) ON CONFLICT (key) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)
)


def write_changes(database: sqlite3.Connection, records: Records, settings: dict[str, Any]) -> None:
    """Write settings, cameras and names, and the tracks that have changed."""
    keys = [
        key
        for key in sorted(records.changed)
        if 0 <= key - records.first_key < records.num_tracks and records.row(key)["person"]
    ]
    database.executemany(_WRITE_TRACK, (_track_values(records, key) for key in keys))
    values = {**settings, "last_person": records.last_person, "dim": records.prototypes.dim}
    values["next_key"] = records.first_key + records.num_tracks
    database.executemany(
        "INSERT OR REPLACE INTO settings VALUES (?, ?)",
        [(name, json.dumps(value)) for name, value in values.items()],
    )
    database.executemany(
        "INSERT OR REPLACE INTO cameras VALUES (?, ?, ?, ?, ?, ?)",
        [
            (row.number, name, row.run, row.num_updates, row.last_time, row.time_offset)
            for name, row in records.cameras.items()
        ],
    )
    names = sorted((person, row.name) for person, row in records.persons.items() if row.name)
    if names != database.execute("SELECT person, name FROM persons ORDER BY person").fetchall():
        database.execute("DELETE FROM persons")
        database.executemany("INSERT INTO persons VALUES (?, ?)", names)


def delete_tracks(database: sqlite3.Connection, keys: list[int]) -> None:
    """Delete tracks."""
    database.executemany("DELETE FROM tracks WHERE key = ?", [(key,) for key in keys])


def read_settings(database: sqlite3.Connection) -> dict[str, Any]:
    """The settings, plain data by name."""
    found = database.execute("SELECT name, value FROM settings").fetchall()
    return {name: json.loads(value) for name, value in found}


def read_state(database: sqlite3.Connection, settings: dict[str, Any]) -> dict[str, Any]:
    """All else, as the state of `registry_state.records_from_state`."""
    dim = int(settings.get("dim", 0))
    next_key = int(settings.get("next_key", 1))
    first_key, num_prototypes = database.execute(
        "SELECT min(key), total(length(counts)) / 8 FROM tracks"
    ).fetchone()
    first_key = next_key if first_key is None else first_key
    rows = np.zeros(next_key - first_key, dtype=TRACK_ROW)
    rows["slot"] = -1
    # Row by row into arrays of the final size: a million tracks are read in little more memory.
    embedding = np.empty((int(num_prototypes), dim), dtype=np.float32)
    count, owner = np.empty(len(embedding)), np.empty(len(embedding), dtype=np.int64)
    reasons: list[list[Any]] = []
    relations: dict[str, list[Any]] = {name: [] for name in _RELATIONS}
    end = 0
    tracks = database.execute(f"SELECT key, {', '.join(_COLUMNS)} FROM tracks ORDER BY key")
    for key, *numbers, reason, seen_together, apart, counts, vectors in tracks:
        row = rows[key - first_key]
        for name, value in zip(_NUMBERS, numbers, strict=True):
            row[name] = np.nan if value is None else value  # SQLite stores NaN as NULL
        counts_of = np.frombuffer(counts, dtype="<f8")
        added = slice(end, end + len(counts_of))
        count[added], owner[added] = counts_of, key
        embedding[added] = np.frombuffer(vectors, dtype="<f4").reshape(len(counts_of), dim)
        end = added.stop
        if reason is not None:
            reasons.append([key, reason])
        for name, blob in zip(_RELATIONS, (seen_together, apart), strict=True):
            if blob:
                relations[name].append((key, np.frombuffer(blob, dtype=BLOCK_ROW)))
    names = dict(database.execute("SELECT person, name FROM persons").fetchall())
    persons = sorted({*names, *rows["person"].tolist()} - {0})
    cameras = database.execute(
        "SELECT name, run, num_updates, last_time, time_offset FROM cameras ORDER BY number"
    ).fetchall()
    return {
        "rows": {name: rows[name] for name in TRACK_ROW.names or ()},
        "first_key": first_key,
        "last_person": settings.get("last_person", 0),
        **{name: relation_state(found) for name, found in relations.items()},
        "reasons": reasons,
        "persons": [[person, names.get(person)] for person in persons],
        "cameras": [_camera_state(*camera) for camera in cameras],
        "gallery": {"embedding": embedding, "count": count, "track": owner},
        "prototypes": {"dim": dim},
    }


def _track_values(records: Records, key: int) -> tuple[Any, ...]:
    row = records.row(key)
    prototypes = records.prototypes_of(key)
    return (
        key,
        *(row[name].item() for name in _NUMBERS),
        records.reasons.get(key),
        *(getattr(records, name).block_rows(key).tobytes() for name in _RELATIONS),
        prototypes.counts.astype("<f8").tobytes(),
        prototypes.embedding.astype("<f4").tobytes(),
    )


def _camera_state(
    name: str, run: int, num_updates: int, last_time: float, time_offset: float
) -> dict[str, Any]:
    nothing = np.empty(0, dtype=np.int64)
    return {
        "name": name,
        "run": run,
        "num_updates": num_updates,
        "last_time": last_time,
        "time_offset": time_offset,
        "started": True,
        "interrupted": True,
        "ids": nothing,
        "keys": nothing,
    }
