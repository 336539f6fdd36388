"""Files of an archive: Parquet tables of tracks, tracklets, persons and videos.

Each video has a file in `tracks/` and one in `tracklets/`. The second is written last, in one step:
where it is present, the video is done.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from deepsort_reid.identity.prototypes import Prototypes
from deepsort_reid.io.atomic import open_atomically
from deepsort_reid.structures.class_names import class_names_of
from deepsort_reid.structures.tracks import Tracks

TRACKS, TRACKLETS = "tracks", "tracklets"
PEOPLE, VIDEOS = "people.parquet", "videos.parquet"
_METADATA = b"deepsort_reid"
_ROWS_IN_MEMORY = 50_000  # of a table of tracks

TRACK_SCHEMA = pa.schema(
    [
        *(("video", pa.string()), ("frame", pa.int64()), ("time", pa.float64())),
        ("id", pa.int64()),
        *((side, pa.float64()) for side in ("left", "top", "right", "bottom")),
        *(("score", pa.float64()), ("class_id", pa.int64()), ("class_name", pa.string())),
    ]
)
TRACKLET_SCHEMA = pa.schema(
    [
        *(("video", pa.string()), ("id", pa.int64())),
        *(("first_frame", pa.int64()), ("last_frame", pa.int64())),
        *(("first_time", pa.float64()), ("last_time", pa.float64()), ("frames", pa.int64())),
        *(("prototypes", pa.list_(pa.list_(pa.float32()))), ("counts", pa.list_(pa.float64()))),
        ("seen_together", pa.list_(pa.int64())),
    ]
)
PEOPLE_SCHEMA = pa.schema(
    [
        *(("video", pa.string()), ("camera", pa.string()), ("id", pa.int64())),
        *(("person_id", pa.int64()), ("probability", pa.float64())),
        *(("first_time", pa.float64()), ("last_time", pa.float64()), ("frames", pa.int64())),
    ]
)
VIDEO_SCHEMA = pa.schema(
    [
        *(("video", pa.string()), ("camera", pa.string()), ("error", pa.string())),
        *(("frames", pa.int64()), ("frame_rate", pa.float64()), ("last_time", pa.float64())),
        *(("width", pa.int64()), ("height", pa.int64())),
        *(("tracks", pa.int64()), ("boxes", pa.int64()), ("file", pa.string())),
    ]
)


class Tracklet(NamedTuple):
    """A track of a video as one row.

    Attributes:
        id: of the track.
        first_frame, last_frame: of its boxes, from 1.
        first_time, last_time: of its boxes, in seconds since the first frame of the video.
        frames: number of its boxes.
        prototypes: (P, D), P = 0 without embeddings.
        seen_together: ids of the tracks that were in one frame with it, ascending.
    """

    id: int
    first_frame: int
    last_frame: int
    first_time: float
    last_time: float
    frames: int
    prototypes: Prototypes
    seen_together: list[int]


class VideoFiles(NamedTuple):
    """Names of the files of a video."""

    tracks: Path
    tracklets: Path
    attempts: Path  # followed by .1, .2 and so on


def files_of(out: Path, video: str) -> VideoFiles:
    """The files of a video, by its name; different names have different files."""
    readable = re.sub(r"[^\w.-]+", "-", Path(video).name)[:80]
    name = f"{readable}-{hashlib.sha1(video.encode(), usedforsecurity=False).hexdigest()[:12]}"
    folders = (out / TRACKS, out / TRACKLETS)
    tracks, tracklets = (folder / f"{name}.parquet" for folder in folders)
    return VideoFiles(tracks, tracklets, out / ".attempts" / name)


class TrackTable:
    """Writes the tracks of a video, frame by frame; the file appears when it is complete.

    A context manager; after an error there is no file. Raises OSError that names it.
    """

    def __init__(self, path: Path, video: str) -> None:
        self._file = open_atomically(path)
        self._video = video
        self._rows: list[Tracks] = []
        self._numbers: list[tuple[int, float]] = []
        self._num_rows = 0

    def __enter__(self) -> "TrackTable":
        self._writer = pq.ParquetWriter(self._file.__enter__(), TRACK_SCHEMA, compression="zstd")
        return self

    def append(self, frame: int, time: float, tracks: Tracks) -> None:
        """Write the tracks of a frame."""
        if not len(tracks):
            return
        self._rows.append(tracks)
        self._numbers.append((frame, time))
        self._num_rows += len(tracks)
        if self._num_rows >= _ROWS_IN_MEMORY:
            self._flush()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            try:
                self._flush()
                self._writer.close()
            except BaseException as failed:
                self._file.__exit__(type(failed), failed, failed.__traceback__)
                raise
        self._file.__exit__(kind, error, traceback)

    def _flush(self) -> None:
        if not self._rows:
            return
        repeats = [len(each) for each in self._rows]
        frame, time = (np.repeat(each, repeats) for each in zip(*self._numbers, strict=True))
        box = np.concatenate([each.xyxy for each in self._rows])
        rest = [
            np.concatenate([getattr(each, name) for each in self._rows])
            for name in ("id", "score", "class_id")
        ]
        names = [name or None for each in self._rows for name in class_names_of(each)]
        columns = [frame, time, rest[0], *box.T, *rest[1:], pa.array(names, pa.string())]
        video = pa.array([self._video] * len(frame), pa.string())
        self._writer.write_table(pa.table([video, *map(pa.array, columns)], schema=TRACK_SCHEMA))
        self._rows, self._numbers, self._num_rows = [], [], 0


def write_tracklets(
    path: Path, video: str, tracklets: Sequence[Tracklet], metadata: dict[str, Any]
) -> None:
    """Write the tracklets of a video; `metadata` are plain data about the video."""
    numbers = [
        pa.array([getattr(each, name) for each in tracklets], TRACKLET_SCHEMA.field(name).type)
        for name in Tracklet._fields[:6]
    ]
    counts = pa.array([each.prototypes.counts for each in tracklets], pa.list_(pa.float64()))
    together = pa.array([each.seen_together for each in tracklets], pa.list_(pa.int64()))
    columns = [pa.array([video] * len(tracklets), pa.string()), *numbers]
    columns += [_as_lists([each.prototypes.embedding for each in tracklets]), counts, together]
    schema = TRACKLET_SCHEMA.with_metadata({_METADATA: json.dumps(metadata).encode()})
    _write(path, pa.table(columns, schema=schema))


def _as_lists(embeddings: list[NDArray[np.float32]]) -> pa.ListArray:
    """Lists of prototypes (P, D) of equal D, of float32."""
    dim = max((each.shape[1] for each in embeddings if len(each)), default=0)
    ends = np.cumsum([0, *map(len, embeddings)], dtype=np.int32)
    values = np.concatenate([*(each.ravel() for each in embeddings), np.empty(0, np.float32)])
    rows = pa.ListArray.from_arrays(np.arange(ends[-1] + 1, dtype=np.int32) * dim, values)
    return pa.ListArray.from_arrays(ends, rows)


def read_metadata(path: Path) -> dict[str, Any] | None:
    """The metadata of a file of `write_tracklets`; None where there is none, or none of ours."""
    try:
        metadata = pq.read_schema(path).metadata or {}
        found = json.loads(metadata[_METADATA])
    except (OSError, KeyError, ValueError, pa.ArrowInvalid):
        return None
    return found if isinstance(found, dict) else None


def read_tracklets(path: Path) -> list[Tracklet]:
    """The tracklets of a video. Raises OSError or ValueError when the file cannot be read."""
    table = pq.read_table(path, partitioning=None).combine_chunks()
    lists = table.column("prototypes").combine_chunks()
    prototypes = lists.flatten()
    dim = len(prototypes.flatten()) // max(len(prototypes), 1) or 1
    ends = np.cumsum(lists.value_lengths().to_numpy())[:-1]
    embeddings = np.split(prototypes.flatten().to_numpy().reshape(-1, dim), ends)
    rows = table.drop_columns(["video", "prototypes"]).to_pylist()
    tracklets = []
    for row, embedding in zip(rows, embeddings, strict=False):
        counts = np.array(row.pop("counts"), dtype=np.float64)
        tracklets.append(Tracklet(**row, prototypes=Prototypes(embedding, counts)))
    return tracklets


def write_people(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write the persons of tracks; keys as in `PEOPLE_SCHEMA`."""
    _write(path, pa.Table.from_pylist(list(rows), schema=PEOPLE_SCHEMA))


def write_videos(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write the videos; keys as in `VIDEO_SCHEMA`, those that are missing are unknown."""
    _write(path, pa.Table.from_pylist(list(rows), schema=VIDEO_SCHEMA))


def _write(path: Path, table: pa.Table) -> None:
    with open_atomically(path) as file:
        pq.write_table(table, file, compression="zstd")
