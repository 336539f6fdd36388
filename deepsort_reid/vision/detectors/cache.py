"""Detections and embeddings of a sequence, made once and kept by what they were made from."""

import hashlib
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepsort_reid.io.mot_sequences import MotSequence
from deepsort_reid.structures.detections import Detections
from deepsort_reid.vision.detectors.precomputed import PrecomputedDetections

_ARRAYS = ("frame", "xyxy", "score", "class_id", "embedding")


@dataclass(frozen=True, eq=False)
class SequenceDetections:
    """What every tracker gets for one sequence: `frames[k]` belongs to frame k + 1."""

    frames: tuple[Detections, ...]
    digest: str  # SHA-256 of the contents: equal digests, equal inputs


def detect_once(
    sequence: MotSequence,
    cache: Path,
    *,
    detector: Callable[[], Any],
    embedder: Callable[[], Any] | None,
    made_from: Iterable[Path | str],
    progress: Callable[[Iterator[Any], int | None], Iterator[Any]],
) -> SequenceDetections:
    """The sequence's detections (and embeddings), from the cache when it holds them.

    Args:
        cache: folder of the kept files; made when missing.
        detector, embedder: make the callables, called only when something is to be computed.
        made_from: files and words that decide what comes out: the models, the thresholds. The
            frames themselves are added here.

    Raises ValueError when frames are needed and the sequence has none.
    """
    key = _digest_of([*_frame_files(sequence), *made_from])
    path = cache / f"{sequence.name}-{key[:16]}.npz"
    if not path.is_file():
        found = list(progress(_computed(sequence, detector(), embedder), sequence.length))
        cache.mkdir(parents=True, exist_ok=True)
        _write(path, found)
    return read_detections_npz(path, sequence.length)


def read_detections_npz(path: Path, length: int | None) -> SequenceDetections:
    """Detections saved as .npz: frame (R,), xyxy (R, 4), score (R,); class_id (R,) and embedding
    (R, D) if any. `length` frames come out, or as many as there are with detections.

    Raises ValueError naming the file when an array is missing or does not fit.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of detections")
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("it is no .npz file, or is cut off")
        with np.load(path) as stored:
            arrays = {name: stored[name] for name in stored.files if name in _ARRAYS}
        frame, xyxy, score = (arrays[name] for name in ("frame", "xyxy", "score"))
        _check(arrays)
    except (KeyError, OSError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path}: expected an .npz with frame, xyxy, score (and embedding): {error}"
        ) from error
    embedding = arrays.get("embedding")
    class_id = arrays.get("class_id", np.zeros(len(frame), dtype=np.int64))
    if embedding is not None:
        # Saved as float16 they are of unit length to three digits only.
        rows = embedding.astype(np.float32)
        length_of = np.linalg.norm(rows, axis=1, keepdims=True)
        embedding = np.divide(rows, length_of, out=rows, where=length_of > 0)
    last = int(length or (frame.max() if len(frame) else 0))
    order = np.argsort(frame, kind="stable")
    ends = np.searchsorted(frame[order], np.arange(1, last + 2))
    frames = []
    for first, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        here = order[first:end]
        looks = None if embedding is None else embedding[here]
        try:
            frames.append(Detections(xyxy[here], score[here], class_id[here], looks))
        except ValueError as error:
            raise ValueError(f"{path}: frame {len(frames) + 1}: {error}") from error
    digest = hashlib.sha256()
    for name in _ARRAYS:
        if name in arrays:
            digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return SequenceDetections(tuple(frames), digest.hexdigest())


class NpzDetections(PrecomputedDetections):
    """Detections, and embeddings if any, of an .npz file, as a detector."""

    def __init__(
        self, path: Path, *, min_score: float = 0.0, start: int = 1, every: int = 1
    ) -> None:
        self._frames = read_detections_npz(path, None).frames
        super().__init__(self._of, min_score=min_score, start=start, every=every)

    def _of(self, number: int) -> Detections:
        known = 1 <= number <= len(self._frames)
        return self._frames[number - 1] if known else Detections.empty()


def _check(arrays: dict[str, Any]) -> None:
    frame = arrays["frame"]
    rows = frame.shape
    if len(rows) != 1:
        raise ValueError(f"frame has shape {rows}, not (R,)")
    wrong = np.flatnonzero((frame < 1) | (frame % 1 != 0))
    if len(wrong):
        raise ValueError(f"frame must be a whole number from 1, got {frame[wrong[0]]}")
    for name, array in arrays.items():
        axes = 2 if name in ("xyxy", "embedding") else 1
        if array.ndim != axes or len(array) != rows[0]:
            raise ValueError(f"{name} has shape {array.shape}, frame {rows}")


def _computed(
    sequence: MotSequence, detector: Any, embedder: Callable[[], Any] | None
) -> Iterator[Detections]:
    """Frame by frame; the pictures are opened only when somebody looks at them."""
    embed = None if embedder is None else embedder()
    if embed is None and hasattr(detector, "at") and sequence.length is not None:
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
        yield found if embed is None else found.with_embedding(embed(frame, found.xyxy))


def _write(path: Path, found: list[Detections]) -> None:
    """One file, whole or not at all."""
    arrays = {
        "frame": np.repeat(np.arange(1, len(found) + 1), [len(here) for here in found]),
        "xyxy": np.concatenate([np.empty((0, 4)), *(here.xyxy for here in found)]),
        "score": np.concatenate([np.empty(0), *(here.score for here in found)]),
        "class_id": np.concatenate(
            [np.empty(0, dtype=np.int64), *(here.class_id for here in found)]
        ),
    }
    looks = [here.embedding for here in found if here.embedding is not None and len(here)]
    if looks:
        arrays["embedding"] = np.concatenate(looks)
    unfinished = path.with_suffix(".part.npz")
    try:
        np.savez(unfinished, **arrays)  # type: ignore[arg-type]  # its stub wants allow_pickle
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _frame_files(sequence: MotSequence) -> list[Path | str]:
    if sequence.frames is None:
        return [sequence.name]
    if sequence.frames.is_dir():
        return sorted(path for path in sequence.frames.iterdir() if path.is_file())
    return [sequence.frames]


def _digest_of(parts: Iterable[Path | str]) -> str:
    """SHA-256 over words and the contents of files."""
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
