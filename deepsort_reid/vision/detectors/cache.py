"""Cache of what is computed from the frames of a sequence, keyed by what it was computed from."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from deepsort_reid.io.atomic import write_atomically
from deepsort_reid.io.detections_npz import (
    SequenceDetections,
    read_detections_npz,
    write_detections_npz,
)
from deepsort_reid.io.mot_sequences import MotSequence
from deepsort_reid.structures.detections import Detections
from deepsort_reid.vision.camera_motion import CameraMotion

CameraMotionEstimator = Callable[[Any, Any], CameraMotion]


def cached_detections(
    sequence: MotSequence,
    cache: Path,
    *,
    make_detector: Callable[[], Any],
    make_embedder: Callable[[], Any] | None,
    sources: Iterable[Path | str],
    progress: Callable[[Iterator[Any], int | None], Iterator[Any]],
) -> SequenceDetections:
    """Read the detections of a sequence from the cache, or compute and store them.

    Args:
        sequence: its frames are part of the cache key.
        cache: folder of the cache; created when missing.
        make_detector, make_embedder: create the callables; called only when the cache has no
            entry. Without `make_embedder` the detections have no embeddings.
        sources: files and words that determine the result: models and thresholds. The contents
            of the files and the words are part of the cache key.
        progress: wraps the iteration over frames; takes the iterator and its length or None.

    Raises ValueError when frames are needed and the sequence has none.
    """
    key = _digest([*_frame_files(sequence), *sources])
    path = cache / f"{sequence.name}-{key[:16]}.npz"
    if not path.is_file():
        detector = make_detector()
        embedder = None if make_embedder is None else make_embedder()
        frames = progress(_detect(sequence, detector, embedder), sequence.length)
        found = list(enumerate(frames, start=1))
        cache.mkdir(parents=True, exist_ok=True)
        write_detections_npz(path, found)
    return read_detections_npz(path, sequence.length)


def cached_camera_motion(
    sequence: MotSequence,
    detections: SequenceDetections,
    cache: Path,
    *,
    estimator: CameraMotionEstimator,
    sources: Iterable[Path | str],
    progress: Callable[[Iterator[Any], int | None], Iterator[Any]],
) -> Path:
    """Return the file of a sequence's camera motion, estimated unless the cache has it.

    Args:
        sequence: with frames; they are part of the cache key.
        detections: of these frames; their boxes are not background. Part of the cache key.
        cache: folder of the cache; created when missing.
        estimator: estimates the motion to a frame with boxes (M, 4).
        sources: words that determine the estimator, part of the cache key.
        progress: as for `cached_detections`.

    Returns a file for `CameraMotionFromFile`.
    """
    from deepsort_reid.io.video_reader import open_video

    key = _digest([*_frame_files(sequence), detections.digest, *sources])
    path = cache / f"{sequence.name}-camera-{key[:16]}.txt"
    if not path.is_file():
        pairs = zip(open_video(sequence.folder), detections.frames, strict=False)
        lines = []
        for number, (frame, found) in enumerate(progress(pairs, sequence.length), start=1):
            warp = estimator(frame, found.xyxy).warp.ravel().tolist()
            lines.append(" ".join(map(repr, [number, *warp])))
        cache.mkdir(parents=True, exist_ok=True)
        write_atomically(path, "".join(f"{line}\n" for line in lines))
    return path


def _detect(sequence: MotSequence, detector: Any, embedder: Any) -> Iterator[Detections]:
    """Yield the detections of each frame; frames are opened only when a model needs them."""
    if embedder is None and hasattr(detector, "at") and sequence.length is not None:
        yield from (detector.at(number) for number in range(1, sequence.length + 1))
        return
    if sequence.frames is None:
        raise ValueError(
            f"{sequence.folder}: expected img1/ or a video to detect and embed in; without frames "
            "give --embedder none"
        )
    from deepsort_reid.io.video_reader import open_video

    for frame in open_video(sequence.folder):
        found = detector(frame)
        yield found if embedder is None else found.with_embedding(embedder(frame, found.xyxy))


def _frame_files(sequence: MotSequence) -> list[Path | str]:
    if sequence.frames is None:
        return [sequence.name]
    if sequence.frames.is_dir():
        return sorted(path for path in sequence.frames.iterdir() if path.is_file())
    return [sequence.frames]


def _digest(parts: Iterable[Path | str]) -> str:
    """SHA-256 of words and of the contents of files."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            with part.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        else:
            digest.update(part.encode())
        digest.update(b"\0")
    return digest.hexdigest()
