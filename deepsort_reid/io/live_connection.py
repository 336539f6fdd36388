"""One connection to a camera or stream, read in a thread of its own."""

import math
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np

from deepsort_reid.structures.frame import Frame

MAX_BUFFERED = 8  # frames that wait for a slow consumer; more would only be old

OpenCapture = Callable[[], Any]  # returns an object with the methods of cv2.VideoCapture


def open_capture(address: int | str, open_timeout: float, read_timeout: float) -> Any:
    """Open a `cv2.VideoCapture` whose calls end after the given times in seconds.

    OpenCV knows the time limits for streams that FFmpeg reads, not for cameras.
    """
    if isinstance(address, int) or cv2.CAP_FFMPEG not in cv2.videoio_registry.getStreamBackends():
        return cv2.VideoCapture(address)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(1000 * open_timeout)]
    limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(1000 * read_timeout)]
    return cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits)


class Arrival(NamedTuple):
    """A frame as it came."""

    number: int  # from 1
    clock: float  # seconds, when it came
    frame: Frame


class LiveConnection:
    """Opens a source and reads it in a thread of its own, because OpenCV may hang.

    The thread ends when the source does, after `abandon`, or with the program.

    Args:
        open: opens the source.
        latest: keep only the newest frame; otherwise the thread waits for a slow consumer.
        open_timeout: seconds until the source is open, and again until its first frame.
        stall_timeout: seconds without a frame after which the source has stalled.
        clock: time in seconds that never goes back.
    """

    def __init__(
        self,
        open: OpenCapture,
        *,
        latest: bool,
        open_timeout: float,
        stall_timeout: float,
        clock: Callable[[], float],
    ) -> None:
        self._open = open
        self._latest = latest
        self._open_timeout = open_timeout
        self._stall_timeout = stall_timeout
        self._clock = clock
        self._changed = threading.Condition()
        self._arrivals: deque[Arrival] = deque()
        self._abandoned = False
        self._ended = False
        # Clock when the thread called OpenCV; None while it does something else.
        self._reading_since: float | None = clock()
        self.received = 0  # frames
        self.dropped = 0  # frames that were replaced by a newer one
        self.frame_rate = math.nan  # as the source declares it
        self.length = math.nan  # number of frames, as the source declares it
        self.reason = ""  # why there are no more frames
        self.stalled = False
        self._thread = threading.Thread(target=self._run, name="live reader", daemon=True)
        self._thread.start()

    def next(self) -> Arrival | None:
        """Wait for the next frame; None when the source ended or stalled, and `reason` says how."""
        with self._changed:
            while not self._arrivals:
                if self._ended or self._abandoned:
                    return None
                limit = self._stall_timeout if self.received else self._open_timeout
                since = self._clock() if self._reading_since is None else self._reading_since
                remaining = since + limit - self._clock()
                if remaining <= 0:
                    self.stalled, self.reason = True, f"no frame for {limit:g} s"
                    return None
                # Not longer, so that Ctrl-C is handled on every system.
                self._changed.wait(min(remaining, 0.5))
            self._changed.notify_all()
            return self._arrivals.popleft()

    def abandon(self) -> None:
        """Let the thread end; it does so after the call of OpenCV in which it is."""
        with self._changed:
            self._abandoned = True
            self._arrivals.clear()
            self._changed.notify_all()

    def join(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds for the end of the thread; whether it has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        capture, reason = None, "the source ended"
        try:
            capture = self._open()
            if capture.isOpened():
                self.frame_rate = float(capture.get(cv2.CAP_PROP_FPS))
                self.length = float(capture.get(cv2.CAP_PROP_FRAME_COUNT))
                while self._wait_for_room():
                    success, frame = capture.read()
                    if not success or frame is None:
                        break
                    self._add(np.asarray(frame, dtype=np.uint8))
            else:
                reason = "the source cannot be opened"
        except Exception as error:  # an error in this thread must not go unnoticed
            reason = f"the source cannot be read ({type(error).__name__})"
        finally:
            if capture is not None:
                capture.release()
            with self._changed:
                self._ended, self.reason = True, self.reason or reason
                self._changed.notify_all()

    def _wait_for_room(self) -> bool:
        """Wait until the next frame can be stored; False when no more frames are wanted."""
        with self._changed:
            self._reading_since = None
            while len(self._arrivals) >= MAX_BUFFERED and not self._abandoned:
                self._changed.wait()
            self._reading_since = self._clock()
            return not self._abandoned

    def _add(self, frame: Frame) -> None:
        with self._changed:
            if self._abandoned:
                return
            self.received += 1
            if self._latest:
                self.dropped += len(self._arrivals)
                self._arrivals.clear()
            self._arrivals.append(Arrival(self.received, self._clock(), frame))
            self._changed.notify_all()
