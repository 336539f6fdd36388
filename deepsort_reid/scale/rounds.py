"""Rounds: at most one frame of each of several cameras, in the order of their times."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import NamedTuple, Protocol

from deepsort_reid.pipeline import open_frames
from deepsort_reid.scale.camera import Camera
from deepsort_reid.structures.frame import TimedFrame

_WAIT = 0.5  # seconds, so that Ctrl-C is handled on every system


class FrameRange(NamedTuple):
    """The frames start, start + every, ... up to and with `stop` of every camera, from 1."""

    start: int = 1
    stop: int | None = None
    every: int = 1


class Round(NamedTuple):
    """What came from the cameras at about one time.

    Attributes:
        frames: cameras and frames in the order of time; at most one of each camera.
        ended: cameras that have ended, and why; "" for the regular end.
    """

    frames: list[tuple[Camera, TimedFrame]]
    ended: list[tuple[Camera, str]]


class Rounds(Protocol):
    """Yields rounds until all cameras have ended, or `stop` is called from another thread."""

    def __iter__(self) -> Iterator[Round]: ...
    def __next__(self) -> Round: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...


class FileRounds:
    """Rounds of files, which depend on nothing but the times of their frames.

    A round begins with the earliest frame of all, and takes from each camera its next frame unless
    that is later by the shortest time between two frames of a camera, or more. So cameras of one
    frame rate stay together, and one of half the rate is in every second round. Threads read ahead.
    """

    def __init__(self, cameras: Sequence[Camera], span: FrameRange) -> None:
        self._order = {camera: k for k, camera in enumerate(cameras)}
        self._every = span.every
        self._waiting: dict[Camera, TimedFrame] = {}
        self._ended: list[tuple[Camera, str]] = []
        self._open = ExitStack()
        with ExitStack() as stack:
            self._readers = {
                each: stack.enter_context(open_frames(each.video, *span)) for each in cameras
            }
            self._open = stack.pop_all()
        self._due = list(cameras)

    def __iter__(self) -> Iterator[Round]:
        return self

    def __next__(self) -> Round:
        ended: list[tuple[Camera, str]] = []
        for camera in self._due:
            try:
                self._waiting[camera] = next(self._readers[camera])
            except StopIteration:
                ended.append((camera, ""))
            except (OSError, ValueError) as error:  # of this camera: TruncatedVideo, for example
                ended.append((camera, str(error)))
        self._due = []
        if not self._waiting and not ended:
            raise StopIteration
        chosen = self._choose()
        frames = [(camera, self._waiting.pop(camera)) for camera in chosen]
        self._due = chosen
        return Round(frames, ended)

    def stop(self) -> None:
        """Nothing: a file is read at once."""

    def close(self) -> None:
        """End the threads."""
        self._open.close()

    def _choose(self) -> list[Camera]:
        """The cameras of the next round, in the order of the times of their frames."""
        times = {each: each.start_time + timed.time for each, timed in self._waiting.items()}
        step = min((self._every / each.video.frame_rate for each in times), default=0.0)
        end = min(times.values(), default=0.0) + step
        chosen = [each for each, time in times.items() if time < end]
        return sorted(chosen, key=lambda each: (times[each], self._order[each]))


class LiveRounds:
    """Rounds of cameras and streams, of the newest frame of each.

    A thread for each camera waits for its frames, reconnects, and replaces the frame that waits by
    a newer one. A round has all frames that wait, as soon as there is one.
    """

    def __init__(self, cameras: Sequence[Camera], span: FrameRange) -> None:
        self._order = {camera: k for k, camera in enumerate(cameras)}
        self._changed = threading.Condition()
        self._waiting: dict[Camera, TimedFrame] = {}
        self._ended: list[tuple[Camera, str]] = []
        self._running = len(cameras)
        self._stopped = False
        for each in cameras:
            # Daemons, so that a device that never answers cannot keep the program from ending.
            thread = threading.Thread(target=self._read, args=(each, span), daemon=True)
            thread.start()

    def __iter__(self) -> Iterator[Round]:
        return self

    def __next__(self) -> Round:
        with self._changed:
            while not (self._waiting or self._ended or self._stopped) and self._running:
                self._changed.wait(_WAIT)
            if self._stopped or not (self._waiting or self._ended):
                raise StopIteration
            waiting, self._waiting = self._waiting, {}
            ended, self._ended = self._ended, []
        order = sorted(waiting, key=lambda each: (each.start_time + waiting[each].time, each.name))
        return Round([(each, waiting[each]) for each in order], ended)

    def stop(self) -> None:
        """End the iteration."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def close(self) -> None:
        """End the iteration and the readers of the cameras."""
        self.stop()
        readers = [each.video.live for each in self._order]
        closing = [threading.Thread(target=each.close) for each in readers if each is not None]
        for each in closing:  # together: each one may wait seconds for a thread that hangs
            each.start()
        for each in closing:
            each.join()

    def _read(self, camera: Camera, span: FrameRange) -> None:
        """Read one camera to its end, in a thread."""
        reason = ""
        try:
            for timed in camera.video.iter_timed_frames(*span):
                with self._changed:
                    if self._stopped:
                        return
                    missed = self._waiting.get(camera)
                    if missed is not None:
                        timed = timed._replace(dt=missed.dt + timed.dt)
                        if camera.video.live is not None:
                            camera.video.live.count_dropped()
                    self._waiting[camera] = timed
                    self._changed.notify_all()
        except Exception as error:  # TruncatedVideo, or an error that must not go unnoticed here
            reason = str(error) or type(error).__name__
        finally:
            with self._changed:
                self._ended.append((camera, reason))
                self._running -= 1
                self._changed.notify_all()
