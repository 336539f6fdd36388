"""Linking: the persons of the tracks of all videos of an archive."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from deepsort_reid.identity import PersonRegistry
from deepsort_reid.scale.archive.tables import Tracklet, files_of, read_tracklets
from deepsort_reid.scale.archive.videos import ArchiveVideo

# Tracks after which the persons of the latest ones are reconsidered: half as many as that takes.
_RECONSIDER_EVERY = 2500


class _Track(NamedTuple):
    video: str
    camera: str
    run: int
    tracklet: Tracklet


def camera_is_video(name: str) -> str:
    """Each video is a camera of its own."""
    return name


def camera_is_folder(name: str) -> str:
    """The videos of a folder are of one camera."""
    return PurePosixPath(name).parent.as_posix()


# Values of --cameras.
CAMERAS: dict[str, Callable[[str], str]] = {"video": camera_is_video, "folder": camera_is_folder}


def link_persons(
    out: Path, videos: Iterable[ArchiveVideo], camera_of: Callable[[str], str]
) -> Iterator[dict[str, Any]]:
    """Yield the person of each track of the videos, as rows of people.parquet.

    The tracks are added to one registry in the order of the videos' names and their first frames,
    so that the result depends on nothing else. When a video was recorded is not known: two tracks
    are known to be different people only where one video shows them in one frame.

    Args:
        out: folder with the tracklets.
        videos: those that are done.
        camera_of: name of a video -> name of its camera.
    """
    tracks: list[_Track] = []
    with PersonRegistry(keep_for=None) as registry:
        for video in sorted(videos):
            camera = camera_of(video.name)
            run = registry.start_camera(camera)
            known: set[int] = set()
            found = read_tracklets(files_of(out, video.name).tracklets)
            for tracklet in sorted(found, key=lambda each: (each.first_frame, each.id)):
                registry.add_track(
                    *(camera, None, None, tracklet.prototypes.embedding),
                    id=tracklet.id,
                    counts=tracklet.prototypes.counts,
                    seen_together=known & set(tracklet.seen_together),
                )
                known.add(tracklet.id)
                nothing = tracklet.prototypes._replace(embedding=tracklet.prototypes.embedding[:0])
                tracks.append(
                    _Track(video.name, camera, run, tracklet._replace(prototypes=nothing))
                )
                if len(tracks) % _RECONSIDER_EVERY == 0:
                    registry.reconsider()
        registry.reconsider()
        yield from _rows(registry, tracks)


def _rows(registry: PersonRegistry, tracks: list[_Track]) -> Iterator[dict[str, Any]]:
    number: dict[int, int] = {}  # persons from 1 without gaps, in the order of their first track
    for video, camera, run, tracklet in tracks:
        record = registry.track(camera, tracklet.id, run)
        yield {
            "video": video,
            "camera": camera,
            "id": tracklet.id,
            "person_id": number.setdefault(record.person_id, len(number) + 1),
            "probability": record.probability,
            "first_time": tracklet.first_time,
            "last_time": tracklet.last_time,
            "frames": tracklet.frames,
        }
