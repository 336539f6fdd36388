"""Output folder of a tracked video: tracks, annotated video, detections, summary."""

import platform
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from deepsort_reid import __version__
from deepsort_reid.cli.annotated_video import AnnotatedVideo, video_name
from deepsort_reid.cli.explanation_writer import ExplanationWriter
from deepsort_reid.cli.people import People, PersonNames
from deepsort_reid.cli.results_page import PAGE, ResultsPage
from deepsort_reid.cli.run_files import (
    CHECKPOINT,
    FOR_RESUMPTION,
    FORCED_CHECKPOINT,
    SUMMARY,
    check_replaceable,
    remove_earlier,
    write_summary_file,
)
from deepsort_reid.cli.stop_signals import interrupted_or_failed
from deepsort_reid.io import detection_writer
from deepsort_reid.io.detection_writer import DetectionWriter
from deepsort_reid.io.folder_lock import FolderLock
from deepsort_reid.io.people_file import PEOPLE
from deepsort_reid.io.track_writers import CsvWriter, JsonLinesWriter, MotWriter, TrackWriter
from deepsort_reid.io.video import Video
from deepsort_reid.pipeline import StageTimer, TrackedFrame
from deepsort_reid.tracking import DeepSort, FixedLag

EXPLANATIONS = "explanations.txt"
VIDEO = "video"

# Format of the tracks -> file name and writer.
_WRITERS: dict[str, tuple[str, Callable[[Path, int | None], TrackWriter]]] = {
    "mot": ("tracks.txt", MotWriter),
    "csv": ("tracks.csv", CsvWriter),
    "jsonl": ("tracks.jsonl", JsonLinesWriter),
}


def tracks_file(layout: str) -> str:
    """The name of the file of tracks in a format: "mot", "csv" or "jsonl"."""
    return _WRITERS[layout][0]


def open_tracks(path: Path, layout: str) -> TrackWriter:
    """A writer of a file of tracks in a format: "mot", "csv" or "jsonl"."""
    return _WRITERS[layout][1](path, None)


class OutputFolder:
    """Writes the results of a run frame by frame; every file is complete however the run ends.

    The folder is locked until the end of the `with` block, or `close`. Files of an earlier run are
    removed when the first frame of this run is written; the summary lists the files of a run.

    Args:
        folder: made when it does not exist.
        layout: format of the tracks: "mot", "csv" or "jsonl".
        draw: annotate the frames.
        frame_rate: frames per second of the annotated video; None for no video.
        audio: the source, where the annotated video gets its audio.
        save_detections: write detections.txt, and detections.npz with embeddings.
        person_ids: label people in the video with `person_id`, or the name that it has in the
            registry; otherwise with `id`.
        class_names: draw the names of classes.
        tracker: of the run, for people.csv and, when it keeps decisions, explanations.txt; None for
            no such files.
        page: write index.html, the results page, at the end of a run with a tracker.
        inputs: files that the run reads, which stay if they are of an earlier run in this folder.
        video_input: what the summary says about the source, see `describe_input`.

    Raises, before any frame is tracked:
        OSError: the folder cannot be made or written.
        ValueError: another process writes to the folder, or a file of that name is not of an
            earlier run.
    """

    def __init__(
        self,
        folder: Path,
        *,
        layout: str = "mot",
        draw: bool = True,
        frame_rate: float | None = None,
        audio: Path | None = None,
        save_detections: bool = False,
        person_ids: bool = True,
        class_names: bool = False,
        tracker: DeepSort | FixedLag | None = None,
        page: bool = False,
        inputs: Sequence[Path] = (),
        video_input: dict[str, Any] | None = None,
    ) -> None:
        self.folder = folder
        self._inputs = inputs
        self._video_input = {} if video_input is None else {"input": video_input}
        self._layout = layout
        self._draw = draw or frame_rate is not None
        self._frame_rate = frame_rate
        self._audio = audio
        self._save_detections = save_detections
        self._lagged = isinstance(tracker, FixedLag)
        inner = tracker.tracker if isinstance(tracker, FixedLag) else tracker
        self._decision_log = None if inner is None else inner.decision_log
        self._explanations: ExplanationWriter | None = None
        self._detections: DetectionWriter | None = None
        self.people = None if tracker is None else People(folder, tracker)
        self.page = ResultsPage(folder, self.people) if page and self.people is not None else None
        self._person_ids, self._class_names = person_ids, class_names
        self._person_name = None if inner is None else PersonNames(inner)
        self._open_files = ExitStack()
        self._tracks: TrackWriter | None = None
        self._video: AnnotatedVideo | None = None
        self._earlier_videos: list[dict[str, Any]] = []  # of a run that this one continues
        self._drawer: Any = None
        self._first_time: float | None = None
        self._last_time: float | None = None
        self._status: str | None = None  # as in the summary
        self._num_resumed = 0  # times that this run was continued
        self._files: list[str] = []  # written by this run, for the summary
        self.frames = 0
        self.boxes = 0
        self.ids: set[int] = set()
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(folder)
        try:
            probe = folder / ".writable"
            probe.touch()
            probe.unlink()
            video = [] if frame_rate is None else [video_name(VIDEO)]
            check_replaceable(folder, [*self._names(), *video, SUMMARY])
        except BaseException:
            self._lock.release()
            raise

    def add(self, frame: TrackedFrame, timer: StageTimer) -> Any:
        """Write the results of one frame.

        Args:
            frame: frame, detections and tracks.
            timer: receives the seconds of the stages "draw" and "write"; a thread encodes the
                video meanwhile.

        Returns:
            The annotated frame, BGR uint8 (H, W, 3); None when frames are not drawn.
        """
        self.begin()
        if self._draw and self._drawer is None:
            self._open_video(frame)
        assert self._tracks is not None
        with timer("write"):
            self._tracks.append(frame.number, frame.tracks, frame.time)
            if self.people is not None:
                self.people.add(frame.tracks, frame.time)
            if self._explanations is not None:
                self._explanations.append(frame.number, frame.time, frame.tracks)
            if self._detections is not None:
                self._detections.append(frame.number, frame.detections, frame.time)
        self.frames += 1
        self._first_time = frame.time if self._first_time is None else self._first_time
        self._last_time = frame.time
        self.boxes += len(frame.tracks)
        self.ids.update(frame.tracks.id.tolist())
        if self.page is not None:
            with timer("page"):
                self.page.add(frame)
        if self._drawer is None:
            return None
        with timer("draw"):
            image = self._drawer(frame.frame, frame.tracks)
        if self._video is not None:
            with timer("write"):
                video_time = self._video.add(image, frame.time)
            if self.page is not None:
                self.page.add_to_video(self._video.path.name, frame.time, video_time)
        return image

    def begin(self) -> None:
        """Open the files, before the first frame is written; later calls do nothing."""
        if self._tracks is None:
            self._open(None)

    def sync(self) -> None:
        """Force rows, explanations and detections so far to the disk; for another thread."""
        for writer in (self._tracks, self._explanations, self._detections):
            if writer is not None:
                writer.sync()

    def _open(self, lengths: dict[str, int] | None) -> None:
        """Open the files of tracks, explanations and detections, new or at the given lengths."""
        if lengths is None:
            remove_earlier(self.folder, self._names(), self._inputs)
        # Before the files: a killed run leaves none that is not listed.
        self._list_files(self._names())
        length = (lengths or {}).get
        name, make_writer = _WRITERS[self._layout]
        self._tracks = make_writer(self.folder / name, length(name))
        self._open_files.callback(self._tracks.close)
        if self._decision_log is not None:
            self._explanations = ExplanationWriter(
                self.folder / EXPLANATIONS,
                self._decision_log,
                length(EXPLANATIONS),
                lagged=self._lagged,
            )
            self._open_files.callback(self._explanations.close)
        if self._save_detections:
            self._detections = DetectionWriter(self.folder, lengths)
            self._open_files.callback(self._detections.finish)

    def _open_video(self, frame: TrackedFrame) -> None:
        """Open the annotated video; its size is that of the first frame."""
        from deepsort_reid.vision.drawing import Drawer

        self._drawer = Drawer(
            person_ids=self._person_ids,
            person_name=self._person_name,
            class_names=self._class_names,
        )
        if self._frame_rate is None:
            return
        name = video_name(f"{VIDEO}-{frame.number:06d}" if self._num_resumed else VIDEO)
        self._list_files([name])
        height, width = frame.frame.shape[:2]
        video = AnnotatedVideo(
            self.folder / name, self._frame_rate, (width, height), frame.number, self._audio
        )
        self._video = self._open_files.enter_context(video)

    def _videos(self) -> list[dict[str, Any]]:
        """The annotated videos of this run, and of those that it continues."""
        return self._earlier_videos + ([] if self._video is None else [self._video.describe()])

    def _list_files(self, names: list[str]) -> None:
        """Add files to the list of the summary, which then says that the run goes on."""
        self._files = sorted({*self._files, *names})
        self.write_summary({"status": "running"})

    def _names(self) -> list[str]:
        """Names of the files that this run writes, but not the summary and the video."""
        names = [_WRITERS[self._layout][0]]
        names += [PEOPLE] if self.people is not None else []
        names += [PAGE] if self.page is not None else []
        names += [EXPLANATIONS] if self._decision_log is not None else []
        names += detection_writer.FILES if self._save_detections else []
        return [*names, CHECKPOINT, FORCED_CHECKPOINT]

    def finish(self) -> None:
        """Complete all files but the summary; a second call does nothing."""
        try:
            if self.people is not None:
                self.people.write()
        finally:
            self._open_files.close()

    def state_dict(self) -> dict[str, Any]:
        """What is written so far, after a frame: plain data for `resume`."""
        writers = [each for each in (self._tracks, self._explanations) if each is not None]
        lengths = {each.path.name: each.length for each in writers}
        return {
            "frames": self.frames,
            "boxes": self.boxes,
            "ids": np.array(sorted(self.ids), dtype=np.int64),
            "times": [self._first_time, self._last_time],
            "lengths": lengths | ({} if self._detections is None else self._detections.lengths),
            "files": self._files,
            "resumed": self._num_resumed,
            "videos": self._videos(),
            **({} if self.people is None else {"people": self.people.state_dict()}),
            "last_frame": 0 if self.page is None else self.page.last_frame,
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Continue the files of an earlier run from its `state_dict`, before the first frame.

        What the files hold beyond it is removed. The annotated video goes on in a new file,
        as video-000031.mp4 with the number of its first frame.
        """
        self.frames, self.boxes = state["frames"], state["boxes"]
        self.ids = set(state["ids"].tolist())
        self._first_time, self._last_time = state["times"]
        self._files = state["files"]
        self._num_resumed = state["resumed"] + 1
        self._earlier_videos = state["videos"]
        if self.people is not None:
            self.people.load_state_dict(state["people"])
        if self.page is not None:
            self.page.resume(state["last_frame"])
        self._open(state["lengths"])

    def remove_checkpoint(self) -> None:
        """Remove what only a continuation of this run needs."""
        for name in FOR_RESUMPTION:
            (self.folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Complete all files and release the lock of the folder; a second call does nothing."""
        try:
            self.finish()
        finally:
            self._lock.release()

    def __enter__(self) -> "OutputFolder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.finish()
            if self._status == "running":
                status = "complete" if error is None else interrupted_or_failed(error)
                self.write_summary({"status": status})
        except OSError:
            if error is None:
                raise  # otherwise the first error is reported
        finally:
            self.close()

    def describe(self) -> str:
        """The counts in words: "8 frames, 2 identities, 12 boxes"."""
        return f"{self.frames} frames, {len(self.ids)} identities, {self.boxes} boxes"

    def write_summary(self, values: dict[str, Any]) -> None:
        """Write summary.json: the counts of the run, `values`, and versions of the packages.

        At the end of a run, the results page as well.
        """
        self._status = status = values.get("status")
        summary = {
            "frames": self.frames,
            "boxes": self.boxes,
            "identities": len(self.ids),
            "first_frame_time": self._first_time,  # seconds
            "last_frame_time": self._last_time,
            "resumed": self._num_resumed,
            **({} if self._frame_rate is None else {"videos": self._videos()}),
            **self._video_input,
            **({} if self.people is None else self.people.registry_link()),
            **values,
            "versions": versions(),
        }
        try:
            if self.page is not None and self.frames and status not in (None, "running"):
                self.page.write(summary)
        finally:
            write_summary_file(self.folder, {**summary, "files": self._listed_files(status)})

    def _listed_files(self, status: str | None) -> list[str]:
        """Names of the files of the run; while it goes on, also those that it will write."""
        if status == "running":
            return self._files
        files = [name for name in self._files if (self.folder / name).exists()]
        if status == "complete":
            files = [name for name in files if name not in FOR_RESUMPTION]
        return files


def describe_input(source: str, video: Video, start: int, every: int) -> dict[str, Any]:
    """What is needed to see the frames of a run again: source, and which frames were tracked.

    Args:
        source: as given. The path is absolute; None for a camera or stream.
        video: the opened source.
        start, every: first frame, and step from one frame to the next.
    """
    width, height = video.size
    return {
        "path": None if video.live is not None else str(Path(source).absolute()),
        "width": width,
        "height": height,
        "frame_rate": video.frame_rate,
        "start": start,
        "every": every,
    }


# Packages that replace one of our dependencies and have the same modules.
_OTHER_BUILDS = {
    "opencv-python": ("opencv-python-headless",),
    "onnxruntime": ("onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml"),
}


def versions() -> dict[str, str]:
    """Versions of this package, Python and the packages that tracking results depend on."""
    packages = {"deepsort_reid": __version__, "python": platform.python_version()}
    for name in ("numpy", "scipy", "lap", "opencv-python", "av", "onnxruntime"):
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
