"""Sources of `crop`: videos with labelled or tracked people, and run folders of `track`."""

from pathlib import Path
from typing import Any, NamedTuple

from deepsort_reid.io.label_files import read_labels
from deepsort_reid.io.mot import read_results
from deepsort_reid.io.mot_sequences import find_sequences
from deepsort_reid.io.video import Video
from deepsort_reid.io.video_reader import open_video
from deepsort_reid.reid.data.crop_extraction import select_pedestrians
from deepsort_reid.review import Review, is_run_folder
from deepsort_reid.structures.mot_rows import MotRows


class CropSource(NamedTuple):
    """A video and the people in it.

    Attributes:
        name: begins the names of their folders.
        video: the frames.
        rows: the boxes of people; `id` is the identity.
        review: of a run folder: what tells one state of the review from another, and in words.
    """

    name: str
    video: Video
    rows: MotRows
    review: dict[str, Any] | None = None


def open_crop_sources(
    sources: list[str], labels: Path | None, tracks: Path | None, stop: int | None
) -> list[CropSource]:
    """Open the sources of `crop`.

    Args:
        sources: MOT sequence folders, folders of them, run folders; a video with labels or tracks.
        labels, tracks: of the only source, where they are not in it.
        stop: last frame.

    Raises OSError, or ValueError in one line, for a source that cannot be cropped.
    """
    given = labels or tracks
    if given is not None:
        if len(sources) != 1:
            raise ValueError(f"--labels, --tracks: expected one SOURCE, got {len(sources)}")
        path = Path(sources[0])
        rows = read_results(given) if labels is None else _read_labels(given)
        return [CropSource(path.stem, *_checked(path, given, rows, stop))]
    found = []
    for source in map(Path, sources):
        if source.is_file():
            raise ValueError(f"{source}: a video file needs its ground truth: --labels FILE")
        if is_run_folder(source):
            found.append(_open_run(source, stop))
            continue
        for sequence in find_sequences(source):
            if sequence.frames is None or sequence.ground_truth is None:
                missing = "frames" if sequence.frames is None else "gt/gt.txt"
                raise ValueError(f"{sequence.folder}: nothing to crop, it has no {missing}")
            truth = sequence.ground_truth
            opened = _checked(sequence.folder, truth, _read_labels(truth), stop)
            found.append(CropSource(sequence.name, *opened))
    return found


def _read_labels(path: Path) -> MotRows:
    """The labelled pedestrians of a file."""
    return select_pedestrians(read_labels(path))


def _open_run(folder: Path, stop: int | None) -> CropSource:
    """The corrected persons of a run folder, and its source."""
    with Review.open(folder, read_only=True) as review:
        if review.info.source is None:
            raise ValueError(f"{folder}: {review.info.missing_source}")
        path, rows = review.info.source, review.corrected()
        text = (
            f"{len(review.persons())} persons after {review.revision} steps of a review"
            if review.revision
            else "persons as the tracker found them, not reviewed: see `deepsort-reid review`"
        )
        state = {"tracks": review.fingerprint, "revision": review.revision, "text": text}
    return CropSource(folder.resolve().name, *_checked(path, folder, rows, stop), state)


def _checked(path: Path, labels: Path, rows: MotRows, stop: int | None) -> tuple[Video, MotRows]:
    """The opened video and its boxes up to `stop`; ValueError when they do not fit."""
    if stop is not None:
        rows = rows[rows.frame <= stop]
    video = open_video(path)
    last = int(rows.frame.max(initial=0))
    if last == 0:
        raise ValueError(f"{labels}: expected labelled pedestrians to evaluate, found none")
    if video.length is not None and last > video.length:
        raise ValueError(
            f"{labels}: the labels go to frame {last} but {path} has {video.length} "
            f"frames: give the whole video, or --stop {video.length}"
        )
    return video, rows
