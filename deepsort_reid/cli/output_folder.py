"""The folder a tracked video leaves behind: tracks, annotated video, detections, summary."""

import json
import math
import platform
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import numpy as np

from deepsort_reid import __version__
from deepsort_reid.io.atomic import write_atomically
from deepsort_reid.io.detections_npz import write_detections_npz
from deepsort_reid.io.mot import write_rows
from deepsort_reid.io.track_writers import CsvWriter, JsonLinesWriter, MotWriter, TrackWriter
from deepsort_reid.pipeline import StageTimer, TrackedFrame
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.tracking.extras.explain import Record

FORMATS = {"mot": "tracks.txt", "csv": "tracks.csv", "jsonl": "tracks.jsonl"}


_WRITERS: dict[str, Callable[[Path], TrackWriter]] = {
    "mot": MotWriter,
    "csv": CsvWriter,
    "jsonl": JsonLinesWriter,
}


class ExplanationWriter:
    """In words, frame by frame, which box each person with an id got and why not another."""

    def __init__(self, path: Path, record: Record) -> None:
        self._file: TextIO = path.open("w", encoding="utf-8", newline="\n")
        self._record = record

    def append(self, frame: int) -> None:
        """Add the update made last, under the number that the frame has in its source."""
        update = len(self._record)
        seen = self._record.frame(update)
        here = seen.id[seen.id > 0].tolist()
        fresh = [name for name in seen.given if name.id not in here]
        # Who began in this very frame had nothing to choose from.
        began = [name for name in fresh if name.detection not in seen.chosen]
        for id in here + [name.id for name in fresh if name not in began]:
            self._file.write(f"{replace(self._record.explain(update, id), frame=frame)}\n\n")
        for name in began:
            self._file.write(f"frame {frame}, track {name.id}: {name}\n\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class OutputFolder:
    """Writes what a run finds, frame by frame, and completes every file however the run ends.

    Args:
        folder: made when it does not exist. Files of an earlier run stay as they are until this
            run has its first frame.
        layout: "mot", "csv" or "jsonl".
        draw: annotate the frames.
        frame_rate: of the annotated video; no video is written when None.
        save_detections: keep detections.txt, and detections.npz with the embeddings.
        record: of the tracker, told in why.txt; None for no such file.

    Raises OSError, before any work is done, when the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        layout: str = "mot",
        draw: bool = True,
        frame_rate: float | None = None,
        save_detections: bool = False,
        record: Record | None = None,
    ) -> None:
        self.folder = folder
        self._layout = layout
        self._draw = draw or frame_rate is not None
        self._frame_rate = frame_rate
        self._save_detections = save_detections
        self._record = record
        self._reasons: ExplanationWriter | None = None
        self._open_files = ExitStack()
        self._tracks: TrackWriter | None = None
        self._video: Any = None
        self._drawer: Any = None
        self._detections: list[tuple[int, Detections]] = []  # with their frame number
        self.frames = 0
        self.boxes = 0
        self.ids: set[int] = set()
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()

    def add(self, step: TrackedFrame, timer: StageTimer) -> Any:
        """Write one frame; returns the annotated frame, or None when nothing is drawn."""
        if self._tracks is None:
            self._begin(step)
        assert self._tracks is not None
        with timer("write"):
            self._tracks.append(step.number, step.tracks)
            if self._reasons is not None:
                self._reasons.append(step.number)
        self.frames += 1
        self.boxes += len(step.tracks)
        self.ids.update(step.tracks.id.tolist())
        if self._save_detections:
            self._detections.append((step.number, step.detections))
        if self._drawer is None:
            return None
        with timer("draw"):
            picture = self._drawer(step.frame, step.tracks)
        if self._video is not None:
            with timer("write"):
                self._video.write(picture)
        return picture

    def _begin(self, step: TrackedFrame) -> None:
        # From here on it would tell of other tracks than those beside it.
        (self.folder / "summary.json").unlink(missing_ok=True)
        (self.folder / "why.txt").unlink(missing_ok=True)
        path = self.folder / FORMATS[self._layout]
        self._tracks = _WRITERS[self._layout](path)
        self._open_files.callback(self._tracks.close)
        if self._record is not None:
            self._reasons = ExplanationWriter(self.folder / "why.txt", self._record)
            self._open_files.callback(self._reasons.close)
        if self._draw:
            from deepsort_reid.vision.drawing import Drawer

            self._drawer = Drawer()
        if self._frame_rate is not None:
            from deepsort_reid.io.video_writer import VideoWriter

            height, width = step.frame.shape[:2]
            self._video = self._open_files.enter_context(
                VideoWriter(self.folder / "video.mp4", self._frame_rate, (width, height))
            )

    def __enter__(self) -> "OutputFolder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open_files.close()
        if not self._detections:
            return
        rows = MotRows.concatenate(_as_rows(*each) for each in self._detections)
        write_rows(self.folder / "detections.txt", rows, "det")
        found = [each for _, each in self._detections if len(each)]
        if found and all(each.embedding is not None for each in found):
            path = self.folder / "detections.npz"
            write_detections_npz(path, self._detections, compress=True)

    def write_summary(self, values: dict[str, Any]) -> None:
        """Write summary.json: what was run, with which versions, and what came out."""
        summary = {
            "frames": self.frames,
            "boxes": self.boxes,
            "people": len(self.ids),
            **values,
            "versions": versions(),
        }
        text = json.dumps(_strict(summary), indent=2, allow_nan=False)
        write_atomically(self.folder / "summary.json", f"{text}\n")


def _as_rows(number: int, found: Detections) -> MotRows:
    """Detections of one frame as rows without an id."""
    frame, id = np.full(len(found), number), np.full(len(found), -1)
    return MotRows(frame, id, found.xyxy, found.score, found.class_id)


def _strict(value: Any) -> Any:
    """The same value as JSON can hold it: NaN as null, an infinite number as "inf" or "-inf"."""
    if isinstance(value, dict):
        return {name: _strict(each) for name, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def versions() -> dict[str, str]:
    """The package, Python, and the libraries a tracking result depends on."""
    found = {"deepsort_reid": __version__, "python": platform.python_version()}
    for name in ("numpy", "scipy", "lap", "opencv-python", "onnxruntime"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def stage_times(timer: StageTimer, frames: int) -> dict[str, Any]:
    """Milliseconds per frame of every stage, and frames per second of all of them together."""
    total = sum(timer.seconds.values())
    per_frame = {
        stage: round(1000 * seconds / max(frames, 1), 3) for stage, seconds in timer.seconds.items()
    }
    return {
        "milliseconds_per_frame": per_frame,
        "frames_per_second": round(frames / total, 2) if total else None,
    }
