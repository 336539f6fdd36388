"""Detections and embeddings of a video in an .npz file.

Arrays: frame (R,) from 1, xyxy (R, 4) in pixels, score (R,), and optionally class_id (R,),
embedding (R, D) and time (R,) in seconds since the first frame.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.atomic import open_atomically
from deepsort_reid.io.npz_sizes import check_npz_sizes
from deepsort_reid.structures.detections import Detections

MAX_FRAME = 10**7  # four days at 30 frames per second; every frame takes memory
_ARRAYS = ("frame", "xyxy", "score", "class_id", "embedding")


@dataclass(frozen=True, eq=False)
class SequenceDetections:
    """Detections of every frame of a sequence: `frames[k]` belongs to frame k + 1."""

    frames: Sequence[Detections]
    digest: str  # SHA-256 of the arrays: equal digests mean equal inputs


class _Frames(Sequence[Detections]):
    """Detections by frame, made when asked for: as a list, a million would take a gigabyte."""

    def __init__(self, detections: Detections, ends: NDArray[np.intp]) -> None:
        self._detections = detections  # sorted by frame
        self._ends = ends  # frame k has the rows from ends[k] to ends[k + 1]

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(f"expected a frame from 0 to {len(self) - 1}, got {index}")
        return self._detections[self._ends[index] : self._ends[index + 1]]


def read_detections_npz(path: Path, length: int | None) -> SequenceDetections:
    """Read an .npz file of detections.

    Args:
        path: the file; embeddings are normalised to unit length.
        length: number of frames to return; None for the last frame with a detection.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: an array is missing or does not have the expected shape; names the file.
    """
    arrays = _load_arrays(path)
    frame, xyxy, score = (arrays[name] for name in ("frame", "xyxy", "score"))
    class_id = arrays.get("class_id", np.zeros(len(frame), dtype=np.int64))
    embedding = arrays.get("embedding")
    if embedding is not None:
        # Stored as float16, rows have unit length to three digits only.
        embedding = embedding.astype(np.float32)
        norm = np.linalg.norm(embedding, axis=1, keepdims=True)
        embedding = np.divide(embedding, norm, out=embedding, where=norm > 0)
    last = int(length or (frame.max() if len(frame) else 0))
    if length is None and last > MAX_FRAME:
        raise ValueError(f"{path}: expected frame numbers up to {MAX_FRAME}, got {last}")
    order = np.argsort(frame, kind="stable")
    ends = np.searchsorted(frame[order], np.arange(1, last + 2))
    rows = None if embedding is None else embedding[order]
    try:
        found = Detections(xyxy[order], score[order], class_id[order], rows)
    except ValueError as error:
        place = _first_invalid_frame(xyxy, score, class_id, embedding, order, frame)
        raise ValueError(f"{path}: {place or error}") from error
    return SequenceDetections(_Frames(found, ends), _digest(arrays))


def write_detections_npz(
    path: Path, detections: Iterable[tuple[int, Detections]], *, compress: bool = False
) -> None:
    """Write (frame number, detections) pairs to an .npz file, atomically.

    Embeddings are written when every detection has one. Raises OSError that names the file.
    """
    pairs = list(detections)
    found = [each for _, each in pairs]
    arrays = {
        "frame": np.concatenate(
            [np.empty(0, dtype=np.int64), *(np.full(len(each), number) for number, each in pairs)]
        ),
        "xyxy": np.concatenate([np.empty((0, 4)), *(each.xyxy for each in found)]),
        "score": np.concatenate([np.empty(0), *(each.score for each in found)]),
        "class_id": np.concatenate(
            [np.empty(0, dtype=np.int64), *(each.class_id for each in found)]
        ),
    }
    embeddings = [each.embedding for each in found if each.embedding is not None and len(each)]
    if embeddings and sum(map(len, embeddings)) == len(arrays["frame"]):
        arrays["embedding"] = np.concatenate(embeddings)
    save_arrays(path, arrays, compress=compress)


def save_arrays(path: Path, arrays: dict[str, Any], *, compress: bool) -> None:
    """Write the arrays of an .npz file, atomically. Raises OSError that names the file."""
    save: Any = np.savez_compressed if compress else np.savez  # their stubs want allow_pickle
    with open_atomically(path) as file:
        save(file, **arrays)


def _load_arrays(path: Path) -> dict[str, Any]:
    """The known arrays of the file, with their shapes checked."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of detections")
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("not an .npz file, or truncated")
        check_npz_sizes(path)
        with np.load(path) as stored:
            arrays = {name: stored[name] for name in stored.files if name in _ARRAYS}
        _check_arrays(arrays)
    except (
        *(EOFError, KeyError, NotImplementedError, OSError, SyntaxError, TypeError, ValueError),
        *(zipfile.BadZipFile, zlib.error),
    ) as error:
        raise ValueError(
            f"{path}: expected an .npz with frame, xyxy, score (and embedding): {error}"
        ) from error
    return arrays


def _first_invalid_frame(
    xyxy: Any, score: Any, class_id: Any, embedding: Any, order: Any, frame: Any
) -> str:
    """The first frame with invalid detections and the reason; empty when there is none."""
    numbers, first = np.unique(frame[order], return_index=True)
    for number, rows in zip(numbers.tolist(), np.split(order, first[1:]), strict=True):
        try:
            Detections(
                xyxy[rows],
                score[rows],
                class_id[rows],
                None if embedding is None else embedding[rows],
            )
        except ValueError as error:
            return f"frame {number:.0f}: {error}"
    return ""


def _check_arrays(arrays: dict[str, Any]) -> None:
    frame, _, _ = (arrays[name] for name in ("frame", "xyxy", "score"))  # KeyError if missing
    rows = frame.shape
    if len(rows) != 1:
        raise ValueError(f"frame has shape {rows}, not (R,)")
    invalid = np.flatnonzero((frame < 1) | (frame % 1 != 0))
    if len(invalid):
        raise ValueError(f"frame must be a whole number from 1, got {frame[invalid[0]]}")
    for name, array in arrays.items():
        axes = 2 if name in ("xyxy", "embedding") else 1
        if array.ndim != axes or len(array) != rows[0]:
            raise ValueError(f"{name} has shape {array.shape}, frame {rows}")


def _digest(arrays: dict[str, Any]) -> str:
    digest = hashlib.sha256()
    for name in _ARRAYS:
        if name in arrays:
            digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
