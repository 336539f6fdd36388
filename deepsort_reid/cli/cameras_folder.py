"""Output folder of several cameras: one folder for each, and the persons and the wall of all."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from deepsort_reid.cli.annotated_video import video_name
from deepsort_reid.cli.output_folder import OutputFolder, stage_times, versions
from deepsort_reid.cli.run_files import (
    SUMMARY,
    check_replaceable,
    remove_earlier,
    write_summary_file,
)
from deepsort_reid.io.background import WriteBehind
from deepsort_reid.io.folder_lock import FolderLock
from deepsort_reid.io.live_options import StreamState
from deepsort_reid.io.people_file import PEOPLE, TrackPerson, write_people
from deepsort_reid.io.video_writer import VideoWriter
from deepsort_reid.pipeline import StageTimer
from deepsort_reid.scale.camera import Camera
from deepsort_reid.scale.cameras import TrackedRound
from deepsort_reid.structures.frame import Frame
from deepsort_reid.vision.wall import Wall

WALL = "wall"
_MAX_WALL_FRAME_RATE = 30.0
_PEOPLE_INTERVAL = 10.0  # seconds
_MAX_PEOPLE_SHARE = 0.02  # of the time of a run


class CamerasFolder:
    """Writes the results of several cameras; a context manager that holds the lock of the folder.

    Args:
        folder: made when it does not exist.
        cameras: the cameras, with the descriptions for their summaries.
        make_folder: makes the output folder of a camera in a folder.
        wall: write wall.mp4, or wall.webm where PyAV is missing.
        every: frames of a camera, of which one is used.
        settings: of the run, for summary.json.
        unreachable: names of cameras that could not be opened, and why.

    Attributes:
        ended: cameras that have ended, and why; "" for the regular end.

    Raises OSError and ValueError as `OutputFolder`.
    """

    def __init__(
        self,
        folder: Path,
        cameras: dict[Camera, dict[str, Any]],
        make_folder: Callable[[Camera, Path], OutputFolder],
        *,
        wall: bool,
        every: int,
        settings: dict[str, Any],
        unreachable: dict[str, str],
    ) -> None:
        self.folder = folder
        self._unreachable = unreachable
        self.ended: dict[Camera, str] = {}
        self._descriptions, self._settings = cameras, settings
        self._timers = {each: StageTimer() for each in cameras}
        self._begin = time.monotonic()
        self._next_people = self._begin + _PEOPLE_INTERVAL
        self._names = [PEOPLE, video_name(WALL)] if wall else [PEOPLE]
        self._wall: WriteBehind[_WallFrame] | None = None
        # Live cameras have real times; people.csv counts from the first frame of all.
        is_live = any(each.video.live is not None for each in cameras)
        self._zero = min(each.start_time for each in cameras) if is_live else 0.0
        with ExitStack() as stack:
            folder.mkdir(parents=True, exist_ok=True)
            stack.callback(FolderLock(folder).release)
            check_replaceable(folder, [*self._names, SUMMARY])
            self._folders = {
                each: stack.enter_context(make_folder(each, folder / each.name)) for each in cameras
            }
            remove_earlier(folder, self._names, [])
            self._write_summary("running")
            if wall:
                video = stack.enter_context(
                    _WallVideo(folder / video_name(WALL), list(cameras), every)
                )
                self._wall = stack.enter_context(WriteBehind(video.add))
            self._open = stack.pop_all()

    @property
    def frames(self) -> int:
        """Frames of all cameras so far."""
        return sum(each.frames for each in self._folders.values())

    def add(self, tracked: TrackedRound) -> None:
        """Write a round; the files of cameras that have ended are completed."""
        images, texts = {}, {}
        for camera, frame in tracked.frames:
            images[camera.name] = self._folders[camera].add(frame, self._timers[camera])
        for camera, reason in tracked.ended:
            self.ended[camera] = reason
            self._finish_camera(camera, reason or "complete")
            texts[camera.name] = "lost" if reason else "ended"
        if self._wall is not None:
            for camera in self._folders.keys() - self.ended.keys():
                if camera.name not in images and _is_disconnected(camera):
                    texts[camera.name] = "no signal"
            self._wall.add((tracked.time, images, texts))
        if time.monotonic() >= self._next_people:
            start = time.monotonic()
            self._write_people(sync=False)
            now = time.monotonic()
            interval = max(_PEOPLE_INTERVAL, (now - start) / _MAX_PEOPLE_SHARE)
            self._next_people = now + interval

    def finish(self, status: str, times: StageTimer) -> None:
        """Complete the files of all cameras, and write people.csv and the summaries.

        Args:
            status: of the run, and of cameras that have not ended.
            times: seconds in the stages of tracking.
        """
        try:
            for camera in self._folders:
                self._finish_camera(camera, self._status(camera, status))
            self._write_people(sync=True)
            if self._wall is not None:
                self._wall.close()
        finally:
            self._write_summary(status, times)

    def describe(self) -> str:
        """The counts in words."""
        rows = list(self._rows())
        persons = len({row.person_id for row in rows})
        counts = f"{self.frames} frames, {len(rows)} tracks, {persons} persons"
        return f"{len(self._folders)} cameras, {counts}"

    def __enter__(self) -> "CamerasFolder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.__exit__(kind, error, traceback)

    def _rows(self) -> Iterator[TrackPerson]:
        """The persons of the tracks of all cameras."""
        for camera, folder in self._folders.items():
            if folder.people is not None:
                yield from folder.people.rows(camera.start_time - self._zero)

    def _write_people(self, *, sync: bool) -> None:
        write_people(self.folder / PEOPLE, self._rows(), sync=sync)

    def _finish_camera(self, camera: Camera, status: str) -> None:
        """Complete the files of a camera, and write its people.csv and summary as of now."""
        folder, live = self._folders[camera], camera.video.live
        if folder.people is not None:
            folder.people.persons_changed()
        folder.finish()
        if folder.frames:
            summary = {
                **self._descriptions[camera],
                "status": status,
                **({} if live is None else {"stream": live.report()}),
                **stage_times(self._timers[camera], folder.frames),
            }
            folder.write_summary(summary)

    def _status(self, camera: Camera, status: str) -> str:
        """Status of a camera when that of the run is `status`."""
        if camera not in self.ended:
            return status
        return self.ended[camera] or "complete"

    def _write_summary(self, status: str, times: StageTimer | None = None) -> None:
        seconds = time.monotonic() - self._begin
        rows = [] if times is None else list(self._rows())
        cameras = {
            camera.name: {
                "source": self._descriptions[camera]["source"],
                "status": self._status(camera, status),
                "frames": folder.frames,
                "boxes": folder.boxes,
                "tracks": len(folder.ids),
                "persons": len({row.person_id for row in rows if row.camera == camera.name}),
                "start_time": camera.start_time,
            }
            for camera, folder in self._folders.items()
        }
        for name, reason in self._unreachable.items():
            cameras[name] = {"status": reason, "frames": 0}
        spent = dict(times.seconds) if times is not None else {}
        for timer in self._timers.values():
            for stage, value in timer.seconds.items():
                spent[stage] = spent.get(stage, 0.0) + value
        summary = {
            "status": status,
            "frames": self.frames,
            "tracks": len(rows),
            "persons": len({row.person_id for row in rows}),
            "seconds": round(seconds, 3),
            "frames_per_second": round(self.frames / seconds, 2) if seconds else None,
            "seconds_by_stage": {stage: round(value, 3) for stage, value in spent.items()},
            **self._settings,
            "cameras": cameras,
            "files": [
                each for each in self._names if status == "running" or (self.folder / each).exists()
            ],
            "versions": versions(),
        }
        write_summary_file(self.folder, summary)


def _is_disconnected(camera: Camera) -> bool:
    """Whether a live camera has stalled, and is not back yet."""
    live = camera.video.live
    return live is not None and live.state is not StreamState.CONNECTED


# Time; images, and texts that take their place, by name of the camera.
_WallFrame = tuple[float, dict[str, Frame], dict[str, str]]


class _WallVideo:
    """Video of the images of all cameras."""

    def __init__(self, path: Path, cameras: Sequence[Camera], every: int) -> None:
        rate = max(each.video.frame_rate / every for each in cameras)
        rate = min(rate, _MAX_WALL_FRAME_RATE)
        path.unlink(missing_ok=True)
        self._wall = Wall({each.name: each.video.size for each in cameras})
        self._video = VideoWriter(path, rate, self._wall.size)
        self._step = 1 / rate
        self._last: float | None = None  # time of the last frame of the video

    def add(self, frame: _WallFrame) -> None:
        """Show the images and texts of a round."""
        moment, images, texts = frame
        for name, image in images.items():
            self._wall.show(name, image)
        for name, text in texts.items():
            self._wall.write(name, text)
        # Many cameras together deliver more frames than a video needs.
        if self._last is None or moment - self._last >= 0.9 * self._step:
            self._video.write(self._wall.image, moment)
            self._last = moment

    def __enter__(self) -> "_WallVideo":
        return self

    def __exit__(self, *error: object) -> None:
        self._video.close()
