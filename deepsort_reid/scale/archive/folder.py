"""An archive: its videos are tracked, in any order and by any process, then persons are linked."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from deepsort_reid.io.atomic import write_atomically
from deepsort_reid.io.folder_lock import FolderLock
from deepsort_reid.io.json_file import read_json_object
from deepsort_reid.scale.archive.linking import link_persons
from deepsort_reid.scale.archive.tables import (
    PEOPLE,
    TRACKLETS,
    TRACKS,
    VIDEOS,
    files_of,
    read_metadata,
    write_people,
    write_videos,
)
from deepsort_reid.scale.archive.videos import ArchiveVideo
from deepsort_reid.scale.archive.worker import ArchiveWorker, TrackingSettings, is_done
from deepsort_reid.scale.local_pool import run_in_processes

SETTINGS = "archive.json"
_ATTEMPTS = ".attempts"


class ArchiveCounts(NamedTuple):
    """What an archive holds."""

    videos: int  # that were tracked, at least up to a damaged place
    frames: int
    tracks: int
    persons: int


class ArchiveFolder:
    """Folder of the results of an archive; locked until the end of the `with` block.

    Args:
        folder: made when it does not exist. A run in a folder of an earlier one continues it.
        settings: of the tracking.

    Raises:
        ValueError: another process writes to the folder, it holds the results of other settings,
            or files of that name which are not those of an archive.
        OSError: the folder cannot be made or written.
    """

    def __init__(self, folder: Path, settings: TrackingSettings) -> None:
        self.folder, self.settings = folder, settings
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(folder)
        try:
            self._check_settings()
            for name in (TRACKS, TRACKLETS, _ATTEMPTS):
                # Embeddings are personal data: only the owner reads the folder.
                (folder / name).mkdir(mode=0o700 if name == TRACKLETS else 0o777, exist_ok=True)
            self._remove_temporary()
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> "ArchiveFolder":
        return self

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def unfinished(self, videos: Sequence[ArchiveVideo]) -> list[ArchiveVideo]:
        """The videos that are not done, or have changed since then."""
        return [each for each in videos if not is_done(files_of(self.folder, each.name), each)]

    def track_locally(
        self, videos: Sequence[ArchiveVideo], *, workers: int, threads: int
    ) -> Iterator[tuple[ArchiveVideo, str | None]]:
        """Track videos in processes of this machine; yields each with its error, or None.

        Raises ValueError or OSError when a model cannot be loaded.
        """
        arguments = (self.settings, self.folder.resolve(), threads)
        return run_in_processes(ArchiveWorker, arguments, videos, workers=workers)

    def link(
        self,
        videos: Sequence[ArchiveVideo],
        errors: Mapping[str, str],
        camera_of: Callable[[str], str],
    ) -> ArchiveCounts:
        """Link the persons of all videos, and write people.parquet and videos.parquet.

        Args:
            videos: all of the archive.
            errors: why videos could not be tracked, by name.
            camera_of: name of a video -> name of its camera.
        """
        done = [each for each in videos if each.name not in errors]
        people = list(link_persons(self.folder, done, camera_of))
        num_tracks: dict[str, int] = {}
        for each in people:
            num_tracks[each["video"]] = num_tracks.get(each["video"], 0) + 1
        rows = []
        for video in videos:
            row: dict[str, Any] = {"video": video.name, "camera": camera_of(video.name)}
            files = files_of(self.folder, video.name)
            if video.name in errors:
                rows.append(row | {"error": errors[video.name]})
                for path in (files.tracks, files.tracklets):  # of an earlier state of the video
                    path.unlink(missing_ok=True)
                continue
            metadata = read_metadata(files.tracklets) or {}
            tracks = num_tracks.get(video.name, 0)
            rows.append(row | metadata | {"tracks": tracks, "file": files.tracks.name})
        write_people(self.folder / PEOPLE, people)
        write_videos(self.folder / VIDEOS, rows)
        persons = len({each["person_id"] for each in people})
        frames = sum(each.get("frames", 0) for each in rows)
        return ArchiveCounts(len(done), frames, len(people), persons)

    def _check_settings(self) -> None:
        file = self.folder / SETTINGS
        # As JSON returns them.
        wanted = json.loads(json.dumps(self.settings.as_dict()))
        if not file.exists():
            found = [
                name
                for name in (TRACKS, TRACKLETS, PEOPLE, VIDEOS)
                if (self.folder / name).exists()
            ]
            if found:
                raise ValueError(
                    f"{self.folder}: expected the folder of an archive, or a new one, got one with "
                    f"{found[0]} but without {SETTINGS}"
                )
            write_atomically(file, json.dumps(wanted, indent=2) + "\n")
            return
        earlier = read_json_object(file)
        for name in sorted({*wanted, *earlier}):
            if wanted.get(name) != earlier.get(name):
                raise ValueError(
                    f"{self.folder}: expected {name} as in the earlier run, "
                    f"{earlier.get(name)!r:.200}, got {wanted.get(name)!r:.200}; use another folder"
                )

    def _remove_temporary(self) -> None:
        """Remove what killed processes left: parts of files, and marks of attempts."""
        left = [*(self.folder / _ATTEMPTS).iterdir()]
        for name in (TRACKS, TRACKLETS):
            left += (self.folder / name).glob(".*")
        for path in left:
            path.unlink(missing_ok=True)
