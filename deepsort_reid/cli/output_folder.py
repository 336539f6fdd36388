"""Output folder of a tracked video: tracks, annotated video, detections, summary."""

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
from deepsort_reid.io.background import WriteBehind
from deepsort_reid.io.detections_npz import write_detections_npz
from deepsort_reid.io.mot import write_rows
from deepsort_reid.io.track_writers import CsvWriter, JsonLinesWriter, MotWriter, TrackWriter
from deepsort_reid.pipeline import StageTimer, TrackedFrame
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.tracking.extras.explain import DecisionLog

EXPLANATIONS = "explanations.txt"
SUMMARY = "summary.json"

# Format of the tracks -> file name and writer.
_WRITERS: dict[str, tuple[str, Callable[[Path], TrackWriter]]] = {
    "mot": ("tracks.txt", MotWriter),
    "csv": ("tracks.csv", CsvWriter),
    "jsonl": ("tracks.jsonl", JsonLinesWriter),
}


class ExplanationWriter:
    """Writes the explanations of a tracker's decisions to a text file, frame by frame."""

    def __init__(self, path: Path, decision_log: DecisionLog) -> None:
        self._file: TextIO = path.open("w", encoding="utf-8", newline="\n")
        self._decision_log = decision_log

    def append(self, frame: int, time: float) -> None:
        """Write the decisions of the last update, for frame `frame` at `time` seconds."""
        update = len(self._decision_log)
        decision = self._decision_log.frame(update)
        ids = decision.id[decision.id > 0].tolist()
        new = [assigned for assigned in decision.id_assignments if assigned.id not in ids]
        # A track that began in this frame was not among the candidates of any detection.
        began = [assigned for assigned in new if assigned.detection not in decision.matched]
        for id in ids + [assigned.id for assigned in new if assigned not in began]:
            explanation = self._decision_log.explain(update, id)
            self._file.write(f"{time:.3f} s, {replace(explanation, frame=frame)}\n\n")
        for assigned in began:
            self._file.write(f"{time:.3f} s, frame {frame}, track {assigned.id}: {assigned}\n\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class OutputFolder:
    """Writes the results of a run frame by frame; every file is complete however the run ends.

    Args:
        folder: made when it does not exist. Files of an earlier run are replaced when the first
            frame of this run is written.
        layout: format of the tracks: "mot", "csv" or "jsonl".
        draw: annotate the frames.
        frame_rate: frames per second of the annotated video; None for no video.
        save_detections: write detections.txt, and detections.npz with embeddings.
        decision_log: decisions of the tracker, written to explanations.txt; None for no such file.

    Raises:
        OSError: the folder cannot be made or written. Raised before any frame is tracked.
    """

    def __init__(
        self,
        folder: Path,
        *,
        layout: str = "mot",
        draw: bool = True,
        frame_rate: float | None = None,
        save_detections: bool = False,
        decision_log: DecisionLog | None = None,
    ) -> None:
        self.folder = folder
        self._layout = layout
        self._draw = draw or frame_rate is not None
        self._frame_rate = frame_rate
        self._save_detections = save_detections
        self._decision_log = decision_log
        self._explanations: ExplanationWriter | None = None
        self._open_files = ExitStack()
        self._tracks: TrackWriter | None = None
        self._video: WriteBehind[Any] | None = None
        self._drawer: Any = None
        self._detections: list[tuple[int, Detections]] = []  # frame number, detections
        self._times: list[float] = []  # of the frames in `_detections`
        self._first_time: float | None = None
        self._last_time: float | None = None
        self.frames = 0
        self.boxes = 0
        self.ids: set[int] = set()
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()

    def add(self, frame: TrackedFrame, timer: StageTimer) -> Any:
        """Write the results of one frame.

        Args:
            frame: frame, detections and tracks.
            timer: receives the seconds of the stages "draw" and "write"; a thread encodes the
                video meanwhile.

        Returns:
            The annotated frame, BGR uint8 (H, W, 3); None when frames are not drawn.
        """
        if self._tracks is None:
            self._open(frame)
        assert self._tracks is not None
        with timer("write"):
            self._tracks.append(frame.number, frame.tracks, frame.time)
            if self._explanations is not None:
                self._explanations.append(frame.number, frame.time)
        self.frames += 1
        self._first_time = frame.time if self._first_time is None else self._first_time
        self._last_time = frame.time
        self.boxes += len(frame.tracks)
        self.ids.update(frame.tracks.id.tolist())
        if self._save_detections:
            self._detections.append((frame.number, frame.detections))
            self._times.append(frame.time)
        if self._drawer is None:
            return None
        with timer("draw"):
            image = self._drawer(frame.frame, frame.tracks)
        if self._video is not None:
            with timer("write"):
                self._video.add(image)
        return image

    def _open(self, frame: TrackedFrame) -> None:
        """Open the output files; the size of the video is that of the first frame."""
        # They describe the tracks of an earlier run, which are replaced here.
        (self.folder / SUMMARY).unlink(missing_ok=True)
        (self.folder / EXPLANATIONS).unlink(missing_ok=True)
        name, make_writer = _WRITERS[self._layout]
        self._tracks = make_writer(self.folder / name)
        self._open_files.callback(self._tracks.close)
        if self._decision_log is not None:
            self._explanations = ExplanationWriter(self.folder / EXPLANATIONS, self._decision_log)
            self._open_files.callback(self._explanations.close)
        if self._draw:
            from deepsort_reid.vision.drawing import Drawer

            self._drawer = Drawer()
        if self._frame_rate is not None:
            from deepsort_reid.io.video_writer import VideoWriter

            height, width = frame.frame.shape[:2]
            video = self._open_files.enter_context(
                VideoWriter(self.folder / "video.mp4", self._frame_rate, (width, height))
            )
            self._video = self._open_files.enter_context(WriteBehind(video.write))

    def __enter__(self) -> "OutputFolder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._open_files.close()
        finally:
            self._write_detections()

    def _write_detections(self) -> None:
        """Write the saved detections."""
        if not self._detections:
            return
        rows = MotRows.concatenate(_to_mot_rows(*each) for each in self._detections)
        write_rows(self.folder / "detections.txt", rows, "det")
        found = [each for _, each in self._detections if len(each)]
        if found and all(each.embedding is not None for each in found):
            path = self.folder / "detections.npz"
            write_detections_npz(path, self._detections, times=self._times, compress=True)

    def describe(self) -> str:
        """The counts in words: "8 frames, 2 identities, 12 boxes"."""
        return f"{self.frames} frames, {len(self.ids)} identities, {self.boxes} boxes"

    def write_summary(self, values: dict[str, Any]) -> None:
        """Write summary.json: the counts of the run, `values`, and versions of the packages."""
        summary = {
            "frames": self.frames,
            "boxes": self.boxes,
            "identities": len(self.ids),
            "first_frame_time": self._first_time,  # seconds
            "last_frame_time": self._last_time,
            **values,
            "versions": versions(),
        }
        text = json.dumps(_to_strict_json(summary), indent=2, allow_nan=False)
        write_atomically(self.folder / SUMMARY, f"{text}\n")


def _to_mot_rows(number: int, detections: Detections) -> MotRows:
    """Detections of frame `number` as MOT rows without ids."""
    n = len(detections)
    frame, id = np.full(n, number), np.full(n, -1)
    return MotRows(frame, id, detections.xyxy, detections.score, detections.class_id)


def _to_strict_json(value: Any) -> Any:
    """Replace what JSON cannot hold: NaN by null, infinite numbers by "inf" and "-inf"."""
    if isinstance(value, dict):
        return {name: _to_strict_json(each) for name, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


# Packages that replace one of our dependencies and have the same modules.
_OTHER_BUILDS = {
    "opencv-python": ("opencv-python-headless",),
    "onnxruntime": ("onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml"),
}


def versions() -> dict[str, str]:
    """Versions of this package, Python and the packages that tracking results depend on."""
    packages = {"deepsort_reid": __version__, "python": platform.python_version()}
    for name in ("numpy", "scipy", "lap", "opencv-python", "onnxruntime"):
        packages[name] = "not installed"
        for build in (name, *_OTHER_BUILDS.get(name, ())):
            try:
                packages[name] = version(build) + ("" if build == name else f" ({build})")
                break
            except PackageNotFoundError:
                continue
    return packages


def stage_times(timer: StageTimer, frames: int) -> dict[str, Any]:
    """Milliseconds per frame of every stage, and frames per second of all stages together."""
    total = sum(timer.seconds.values())
    per_frame = {
        stage: round(1000 * seconds / max(frames, 1), 3) for stage, seconds in timer.seconds.items()
    }
    return {
        "milliseconds_per_frame": per_frame,
        "frames_per_second": round(frames / total, 2) if total else None,
    }
