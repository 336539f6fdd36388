"""Writer of detections frame by frame: MOT text, and an .npz with embeddings at the end."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.appended_file import AppendedFile
from deepsort_reid.io.detections_npz import save_arrays
from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections

TEXT, NPZ = "detections.txt", "detections.npz"
# What the .npz is made of at the end: rows and, from the first embedding on, embeddings.
ROWS, EMBEDDINGS = ".detections.rows", ".detections.embeddings"
FILES = (TEXT, NPZ, ROWS, EMBEDDINGS)

_ROW = np.dtype(
    [
        ("frame", "<i8"),
        ("time", "<f8"),
        ("xyxy", "<f8", (4,)),
        ("score", "<f8"),
        ("class_id", "<i8"),
    ]
)
_FLOAT = np.dtype("<f4")


class DetectionWriter:
    """Writes detections.txt and, if there are embeddings, detections.npz to a folder.

    The text is complete on disk after each frame. Columns and embeddings go to two hidden files,
    from which `finish` makes the .npz: memory does not grow with the video.

    Args:
        folder: an existing folder without these files.
        lengths: to continue earlier files, their lengths as in `lengths`, by name.

    Raises:
        OSError: a file cannot be written; names it.
        ValueError: a file to continue is shorter than before.
    """

    def __init__(self, folder: Path, lengths: dict[str, int] | None = None) -> None:
        self._folder = folder
        self._resumed = lengths or {}
        self._dim = 0  # length of an embedding, 0 before the first one
        self._num_rows = 0
        self._text = self._open(TEXT)
        self._rows = self._open(ROWS)
        self._num_rows = self._rows.length // _ROW.itemsize
        self._embeddings: AppendedFile | None = None
        if EMBEDDINGS not in self._resumed:
            (folder / EMBEDDINGS).unlink(missing_ok=True)  # begun after the moment to continue at
        else:
            self._embeddings = self._open(EMBEDDINGS)
            self._dim = self._embeddings.length // (max(self._num_rows, 1) * _FLOAT.itemsize)

    @property
    def lengths(self) -> dict[str, int]:
        """Lengths of the files in bytes after the last frame, from which they can be continued."""
        return {file.path.name: file.length for file in self._files()}

    def append(self, frame: int, detections: Detections, time: float) -> None:
        """Write the detections of one frame, at `time` seconds."""
        n = len(detections)
        if not n:
            return
        tlwh = boxes.xyxy_to_tlwh(detections.xyxy).tolist()
        lines = (
            f"{frame},-1,{x:.10g},{y:.10g},{w:.10g},{h:.10g},{score:.10g},-1,-1,-1\n"
            for (x, y, w, h), score in zip(tlwh, detections.score.tolist(), strict=True)
        )
        self._text.append("".join(lines))
        rows = np.empty(n, dtype=_ROW)
        rows["frame"], rows["time"], rows["xyxy"] = frame, time, detections.xyxy
        rows["score"], rows["class_id"] = detections.score, detections.class_id
        self._rows.append(rows.tobytes())
        self._append_embeddings(detections, n)
        self._num_rows += n

    def sync(self) -> None:
        """Force the detections so far to the disk."""
        for file in self._files():
            file.sync()

    def finish(self) -> None:
        """Write detections.npz if there are embeddings, and close all files.

        A box without an embedding gets a row of zeros: unknown. The hidden files stay, because a
        run that was stopped may be continued.
        """
        for file in self._files():
            file.close()
        if self._embeddings is None:
            return
        rows = np.memmap(self._folder / ROWS, dtype=_ROW, mode="r", shape=(self._num_rows,))
        arrays: dict[str, NDArray[Any]] = {name: rows[name] for name in _ROW.names or ()}
        shape = (self._num_rows, self._dim)
        path = self._folder / EMBEDDINGS
        arrays["embedding"] = np.memmap(path, dtype=_FLOAT, mode="r", shape=shape)
        # Embeddings are next to incompressible, and it would take most of the time.
        save_arrays(self._folder / NPZ, arrays, compress=False)

    def _append_embeddings(self, detections: Detections, n: int) -> None:
        embedding = detections.embedding
        if embedding is not None and self._embeddings is None:
            self._dim = embedding.shape[1]
            self._embeddings = self._open(EMBEDDINGS)
            for _ in range(self._num_rows):
                self._embeddings.append(bytes(self._dim * _FLOAT.itemsize))
        if self._embeddings is None:
            return
        if embedding is None:
            embedding = np.zeros((n, self._dim), dtype=_FLOAT)
        self._embeddings.append(embedding.astype(_FLOAT).tobytes())

    def _open(self, name: str) -> AppendedFile:
        return AppendedFile(self._folder / name, self._resumed.get(name))

    def _files(self) -> list[AppendedFile]:
        files = [self._text, self._rows]
        return files if self._embeddings is None else [*files, self._embeddings]
