"""Run folder: what `track` left, as a review needs it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.json_file import read_json_object
from deepsort_reid.io.people_file import PEOPLE, TrackPerson, read_people
from deepsort_reid.io.track_readers import TRACK_FILES, TrackRows, read_tracks
from deepsort_reid.io.video_reader import DEFAULT_FRAME_RATE
from deepsort_reid.review.run_source import (
    find_source,
    open_annotated,
    open_source,
    shown_source,
    video_file,
)
from deepsort_reid.structures.mot_rows import MotRows

SUMMARY = "summary.json"


@dataclass(frozen=True)
class RunInfo:
    """A run of `track`.

    Attributes:
        name: of the folder.
        folder: the run folder.
        video: file that a browser can show: the source, or, without one, the video with drawings
            that the run has written; None where there is none.
        source: file or folder of the frames, such as a folder of images; None where there is none.
        width, height: of a frame in pixels; as far as boxes reach, where unknown.
        fps: frames per second.
        first_frame, last_frame: with boxes; numbered from 1 in the source.
        every: step from one tracked frame to the next.
        num_frames: of the source; None where unknown.
        times: seconds of the frames 1 to `last_frame`, where the run has stored them.
        missing_source: why there are no frames; "" where there are.
        warnings: what is missing, a line each.
    """

    name: str
    folder: Path
    video: Path | None
    source: Path | None
    width: int
    height: int
    fps: float
    first_frame: int
    last_frame: int
    every: int
    num_frames: int | None
    times: NDArray[np.float64] | None
    missing_source: str
    warnings: list[str]

    def time_of(self, frame: int) -> float:
        """Time of a frame in seconds since the first one of the source."""
        if self.times is not None:
            return float(self.times[frame - 1])
        return (frame - 1) / self.fps


@dataclass(frozen=True)
class RegistryLink:
    """Where the tracks of a run are in the file of a person registry.

    Attributes:
        path: the file.
        camera, run: of the tracks.
        ids: in the registry, of tracks that have another id there.
    """

    path: Path
    camera: str
    run: int
    ids: dict[int, int]


@dataclass(frozen=True, eq=False)
class Run:
    """The results of a run.

    Attributes:
        info: about video and frames.
        rows: boxes (R,), sorted by track and frame; `id` is the track.
        people: what people.csv says of tracks.
        persons: person of each track.
        registry: the registry that the run was made with, if any.
        fingerprint: of tracks and persons; edits of other ones do not fit.
    """

    info: RunInfo
    rows: MotRows
    people: dict[int, TrackPerson]
    persons: dict[int, int]
    registry: RegistryLink | None
    fingerprint: str


def is_run_folder(folder: Path) -> bool:
    """Whether a folder looks like one that `track` wrote."""
    is_sequence = (folder / "gt").is_dir() or (folder / "img1").is_dir()
    return not is_sequence and any((folder / name).is_file() for name in TRACK_FILES)


def read_run(folder: Path) -> Run:
    """Read a run folder.

    Raises:
        FileNotFoundError: there is no such folder.
        OSError: a file cannot be read.
        ValueError: it is no run folder, has no boxes, or a file in it is damaged; names it.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    warnings: list[str] = []
    summary = _read_summary(folder, warnings)
    path = _tracks_file(folder, summary)
    tracks = read_tracks(path)
    if not len(tracks.rows):
        raise ValueError(f"{path}: nothing to review, the run found no track")
    order = np.lexsort((tracks.rows.frame, tracks.rows.id))
    rows = tracks.rows[order]
    people = _read_people(folder, tracks, order, warnings)
    persons = _persons(rows, people, warnings)
    return Run(
        info=_info(folder, summary, rows, tracks, people, warnings),
        rows=rows,
        people=people,
        persons=persons,
        registry=_registry(summary, warnings),
        fingerprint=_fingerprint(rows, persons),
    )


def _read_summary(folder: Path, warnings: list[str]) -> dict[str, Any]:
    if not (folder / SUMMARY).is_file():
        warnings.append(f"no {SUMMARY}: video, frame rate and settings of the run are unknown")
        return {}
    summary = read_json_object(folder / SUMMARY)
    status = summary.get("status")
    if status != "complete":
        warnings.append(f"the run did not end as planned: {str(status)[:100]}")
    return summary


def _tracks_file(folder: Path, summary: dict[str, Any]) -> Path:
    listed = summary.get("files")
    listed = listed if isinstance(listed, list) else []
    names = sorted(TRACK_FILES, key=lambda name: name not in listed)
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise ValueError(
        f"{folder}: expected the output folder of `deepsort-reid track`, with one of "
        f"{', '.join(TRACK_FILES)}, found none"
    )


def _read_people(
    folder: Path, tracks: TrackRows, order: NDArray[np.intp], warnings: list[str]
) -> dict[int, TrackPerson]:
    if (folder / PEOPLE).is_file():
        return read_people(folder / PEOPLE)
    if tracks.person_id is None:
        warnings.append(f"no {PEOPLE}: every track counts as a person")
        return {}
    # The last word on each track.
    nan, found = float("nan"), {}
    for id, person in zip(
        tracks.rows.id[order].tolist(), tracks.person_id[order].tolist(), strict=True
    ):
        if person > 0:
            found[id] = TrackPerson(id, person, "", nan, nan, 0, nan)
    warnings.append(f"no {PEOPLE}: the persons are those of the last frame of each track")
    return found


def _persons(rows: MotRows, people: dict[int, TrackPerson], warnings: list[str]) -> dict[int, int]:
    """The person of each track; no person has two boxes in one frame."""
    ids, starts, counts = np.unique(rows.id, return_index=True, return_counts=True)
    highest = max((each.person_id for each in people.values()), default=0)
    persons: dict[int, int] = {}
    frames_of: dict[int, list[NDArray[np.int64]]] = {}
    separated = 0
    # A long track keeps its person.
    for at in np.argsort(-counts, kind="stable").tolist():
        id, start = int(ids[at]), int(starts[at])
        frames = rows.frame[start : start + int(counts[at])]
        person = people[id].person_id if id in people else highest + id
        if any(_share_frame(frames, other) for other in frames_of.get(person, ())):
            person, separated = highest + id, separated + 1
        frames_of.setdefault(person, []).append(frames)
        persons[id] = person
    if separated:
        warnings.append(
            f"{separated} track(s) of a person who has another box in the same frame count as "
            "persons of their own"
        )
    return persons


def _share_frame(frames: NDArray[np.int64], others: NDArray[np.int64]) -> bool:
    if frames[-1] < others[0] or others[-1] < frames[0]:
        return False
    return bool(len(np.intersect1d(frames, others, assume_unique=True)))


def _info(
    folder: Path,
    summary: dict[str, Any],
    rows: MotRows,
    tracks: TrackRows,
    people: dict[int, TrackPerson],
    warnings: list[str],
) -> RunInfo:
    last = int(rows.frame.max())
    described = summary.get("input")
    described = described if isinstance(described, dict) else {}
    source = find_source(folder, summary, described)
    opened, missing = None, f"expected its video, {shown_source(summary, described)}, found none"
    if source is not None:
        opened, missing = open_source(source, last)
    video = None if source is None else video_file(source)
    if opened is None:
        source = None
        opened, video = open_annotated(folder, summary, described, last)
        instead = "" if opened is None else "; the video with drawings is shown instead"
        warnings.append(f"no pictures: {missing}{instead}")
    size = opened.size if opened else (described.get("width"), described.get("height"))
    if not all(isinstance(side, int) and side > 0 for side in size):
        size = (int(np.ceil(rows.xyxy[:, 2].max())), int(np.ceil(rows.xyxy[:, 3].max())))
    fps = opened.frame_rate if opened else described.get("frame_rate")
    if not isinstance(fps, int | float) or not 0 < fps < 1e4:
        fps = _frame_rate(rows, people, warnings)
    steps = np.diff(np.unique(rows.frame))
    return RunInfo(
        name=folder.resolve().name,
        folder=folder,
        video=video,
        source=source,
        width=max(int(size[0]), 1),  # type: ignore[arg-type]
        height=max(int(size[1]), 1),  # type: ignore[arg-type]
        fps=float(fps),
        first_frame=int(rows.frame.min()),
        last_frame=last,
        every=int(np.gcd.reduce(steps)) if len(steps) else 1,
        num_frames=opened.length if opened else None,
        times=_times(tracks, last),
        missing_source=missing,
        warnings=warnings,
    )


def _frame_rate(rows: MotRows, people: dict[int, TrackPerson], warnings: list[str]) -> float:
    """Frames per second, from times and frames of the longest track."""
    ids, starts, counts = np.unique(rows.id, return_index=True, return_counts=True)
    best = 0.0
    rate = DEFAULT_FRAME_RATE
    for id, start, count in zip(ids.tolist(), starts.tolist(), counts.tolist(), strict=True):
        seconds = people[id].last_time - people[id].first_time if id in people else 0.0
        if seconds > best:
            best = seconds
            rate = float(rows.frame[start + count - 1] - rows.frame[start]) / seconds
    if not best:
        warnings.append(f"the frame rate is unknown: {DEFAULT_FRAME_RATE:g} per second is taken")
    return round(rate, 3) if 0 < rate < 1e4 else DEFAULT_FRAME_RATE


def _times(tracks: TrackRows, last: int) -> NDArray[np.float64] | None:
    if tracks.time is None:
        return None
    frame, index = np.unique(tracks.rows.frame, return_index=True)
    return np.interp(np.arange(1, last + 1), frame, tracks.time[index])


def _registry(summary: dict[str, Any], warnings: list[str]) -> RegistryLink | None:
    link = summary.get("registry")
    if link is None:
        warnings.append(
            "no registry of persons: corrections change this run alone; with `track --registry "
            "FILE`, later runs obey them"
        )
        return None
    try:
        ids = {int(id): int(each) for id, each in link["ids"].items()}
        found = RegistryLink(Path(link["path"]), str(link["camera"]), int(link["run"]), ids)
    except (AttributeError, KeyError, TypeError, ValueError):
        warnings.append(f"{SUMMARY}: the registry of persons is not described as expected")
        return None
    if not found.path.is_file():
        warnings.append(
            f"{found.path}: no such registry of persons: corrections reach no later run"
        )
        return None
    return found


def _fingerprint(rows: MotRows, persons: dict[int, int]) -> str:
    """Hash of everything that edits refer to, whatever the format of the files."""
    digest = hashlib.sha256()
    for column in (rows.frame, rows.id, np.round(rows.xyxy * 100).astype(np.int64)):
        digest.update(np.ascontiguousarray(column, dtype="<i8").tobytes())
    digest.update(repr(sorted(persons.items())).encode())
    return f"sha256:{digest.hexdigest()}"
