"""Frames of a camera or a stream: time limits, reconnection, and the newest frame only."""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from deepsort_reid.io.images import scale_to_fit
from deepsort_reid.io.live_connection import Arrival, LiveConnection, OpenCapture
from deepsort_reid.io.live_options import Interruption, LiveOptions, StreamChange, StreamState
from deepsort_reid.io.native_stderr import suppress_native_stderr
from deepsort_reid.structures.frame import Frame, TimedFrame

MAX_RETRY_DELAY = 10.0  # seconds
# A connection that lasted this long was a good one: the next attempt follows at once.
_STABLE_AFTER = 10.0  # seconds
_MAX_INTERRUPTIONS = 1000  # in a report, the newest
_MAX_SIZES = 100  # in a report
# The network may deliver two frames at once, which were not taken at once.
_MIN_DT = 0.5  # frames
# A longer time without frames says nothing about where people are now. As a time step it would
# only delete the tracks (`max_age`) that are not matched in the first frame after it.
MAX_GAP_DT = 60.0  # frames
_MAX_DT = 1e6  # frames; `DeepSort.update` takes no more. It ends all tracks.
_CLOSE_TIMEOUT = 2.0  # seconds for which `close` waits for the threads


class StreamLostError(Exception):
    """A camera or stream ended, or stalled, and could not be reached again."""


class LiveReader:
    """Reads a camera or a stream, and reconnects when it ends or stalls.

    A change of the frame size does not end the stream: later frames are scaled to the size of the
    first one, with black margins where the proportions differ.

    Args:
        open: opens the source and returns a `cv2.VideoCapture`; called in threads of the reader.
        options: `LiveOptions()` when not given.
        clock: time in seconds that never goes back.

    Raises StreamLostError when the source delivers no frame.
    """

    def __init__(
        self,
        open: OpenCapture,
        options: LiveOptions | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open = open
        self._options = options or LiveOptions()
        self._clock = clock
        self._closing = threading.Event()
        self._state = StreamState.RECONNECTING
        self._attempts = 0  # since the last connection that lasted
        self._received = 0  # frames of earlier connections
        self._dropped = 0
        self._reconnects = 0
        self._interruptions: deque[Interruption] = deque(maxlen=_MAX_INTERRUPTIONS)
        self._sizes: list[tuple[int, int]] = []  # that came, width and height
        self._has_new_size = False  # since the last frame that was delivered
        self._first: Arrival | None = None  # until it is delivered
        self._start = self._last = 0.0  # clock of the first and of the last frame
        self._start_date = datetime.fromtimestamp(0, timezone.utc)
        self._unfinished: list[LiveConnection] = []  # whose threads have not ended yet
        # Only here: later on, what the application writes to stderr would be lost as well.
        with suppress_native_stderr():
            self._connection = self._connect()
            first = self._connection.next()
            if first is None:
                self.close()
                raise StreamLostError(self._connection.reason)
        self._first, self._start, self._last = first, first.clock, first.clock
        self._start_date = datetime.now(timezone.utc)
        self._last_size = (first.frame.shape[1], first.frame.shape[0])
        self._sizes.append(self._last_size)
        self._state = StreamState.CONNECTED

    @property
    def state(self) -> StreamState:
        """The present state."""
        return self._state

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of all frames: those of the first one."""
        return self._sizes[0]

    @property
    def start_time(self) -> float:
        """When the first frame came, in seconds since 1970."""
        return self._start_date.timestamp()

    @property
    def declared_frame_rate(self) -> float:
        """Frames per second that the source declares."""
        return self._connection.frame_rate

    @property
    def declared_length(self) -> float:
        """Number of frames that the source declares; not above 0 where it has no end."""
        return self._connection.length

    def count_dropped(self) -> None:
        """Count a frame that was delivered, and replaced by a newer one before it was used."""
        self._dropped += 1

    def report(self) -> dict[str, Any]:
        """State, counts and interruptions as plain values."""
        return {
            "state": self._state.value,
            "first_frame_at": self._start_date.isoformat(timespec="milliseconds"),
            "latest": self._options.latest,
            "frames_received": self._received + self._connection.received,
            "frames_dropped": self._dropped + self._connection.dropped,
            "reconnects": self._reconnects,
            "sizes": [list(size) for size in self._sizes],
            "interruptions": [asdict(each) for each in self._interruptions],
        }

    def frames(
        self, frame_rate: float, start: int = 1, stop: int | None = None, every: int = 1
    ) -> Generator[TimedFrame, None, None]:
        """Yield the frames start, start + every, ... up to and with `stop`, numbered from 1.

        With `latest`, frames that come while the consumer is busy are left out, and their numbers
        with them. Times are those of the clock, in seconds since the first frame. `dt` is the
        number of frames since the last one. With `latest` it is the time since then, in units of
        1 / `frame_rate`; after an interruption the time without frames in these units, or in
        those of the rate at which frames came before if that is lower, but at most 60.

        Raises:
            StreamLostError: the source ended, or stalled, and could not be reached again.
        """
        wanted, previous, reconnects = start, None, self._reconnects
        # Frames and seconds between them, without interruptions.
        intervals, duration = 0, 0.0
        try:
            while stop is None or wanted <= stop:
                arrival = self._next()
                if arrival is None or (stop is not None and arrival.number > stop):
                    return
                if arrival.number < wanted:
                    continue
                dt = float(every)
                if previous is not None:
                    seconds, count = (
                        arrival.clock - previous.clock,
                        arrival.number - previous.number,
                    )
                    is_continued = self._reconnects == reconnects
                    if self._options.latest:
                        dt = max(seconds * frame_rate, _MIN_DT)
                    elif is_continued:
                        intervals, duration = intervals + count, duration + seconds
                    else:
                        # Cameras often declare a higher rate than theirs.
                        rate = min(frame_rate, intervals / duration) if duration else frame_rate
                        dt = max(seconds * rate, count)
                    dt = min(dt, _MAX_DT if is_continued else MAX_GAP_DT)
                if self._has_new_size and self._options.restart_on_size_change:
                    dt = _MAX_DT
                self._has_new_size = False
                time = arrival.clock - self._start
                yield TimedFrame(arrival.number, time, arrival.frame, dt)
                wanted, previous, reconnects = arrival.number + every, arrival, self._reconnects
        finally:
            self.close()

    def close(self) -> None:
        """End reading and the threads; a second call does nothing.

        A thread that hangs in OpenCV is left to itself after 2 s. It ends with the program.
        """
        self._closing.set()
        self._first = None
        self._connection.abandon()
        deadline = self._clock() + _CLOSE_TIMEOUT
        for connection in [*self._unfinished, self._connection]:
            connection.join(max(0.0, deadline - self._clock()))
        self._change(StreamState.ENDED, "closed")

    def __del__(self) -> None:
        # A reader that was not closed: its thread must not read on.
        if hasattr(self, "_connection"):
            self._connection.abandon()

    def _next(self) -> Arrival | None:
        """The next frame, over all connections; None after `close`."""
        arrival, self._first = self._first, None
        if arrival is None:
            arrival = self._connection.next() or self._reconnect()
        if arrival is None:
            return None
        self._last = arrival.clock
        number = self._received + arrival.number
        return Arrival(number, arrival.clock, self._fit(arrival.frame))

    def _connect(self) -> LiveConnection:
        self._connected_at = self._clock()
        return LiveConnection(
            self._open,
            latest=self._options.latest,
            open_timeout=self._options.open_timeout,
            stall_timeout=self._options.stall_timeout,
            clock=self._clock,
        )

    def _reconnect(self) -> Arrival | None:
        """The first frame of a new connection; None after `close`.

        Raises StreamLostError when there was none in time.
        """
        if self._closing.is_set():
            return None
        reason, lost_at = self._connection.reason, self._last - self._start
        if self._connection.stalled:
            self._change(StreamState.STALLED, reason)
        if self._clock() - self._connected_at > _STABLE_AFTER:
            self._attempts = 0
        deadline = self._clock() + self._options.reconnect
        while self._clock() + (delay := self._retry_delay()) < deadline:
            self._change(StreamState.RECONNECTING, reason)
            self._connection.abandon()
            self._sleep(delay)
            if self._closing.is_set():
                return None
            self._replace_connection()
            arrival = self._connection.next()
            if arrival is not None:
                gap = arrival.clock - self._last
                self._reconnects += 1
                self._interruptions.append(Interruption(lost_at, reason, gap))
                self._change(StreamState.CONNECTED, f"after {gap:.1f} s without frames")
                return arrival
        if self._closing.is_set():
            return None
        self._interruptions.append(Interruption(lost_at, reason, None))
        self._change(StreamState.ENDED, reason)
        tried = self._options.reconnect
        more = f", and no frame in {tried:g} s of attempts to reconnect" if tried else ""
        raise StreamLostError(f"{reason}{more}")

    def _retry_delay(self) -> float:
        """Seconds before the next attempt."""
        if not self._attempts:
            return 0.0
        # The number of attempts has no limit, but that of powers of two has.
        delay = self._options.retry_delay * 2.0 ** min(self._attempts - 1, 20)
        return min(delay, MAX_RETRY_DELAY)

    def _replace_connection(self) -> None:
        """Open the next connection, and keep the counts of the present one."""
        lost = self._connection
        self._received += lost.received
        self._dropped += lost.dropped
        self._unfinished = [each for each in [*self._unfinished, lost] if not each.join(0)]
        self._attempts += 1
        self._connection = self._connect()

    def _sleep(self, seconds: float) -> None:
        """Wait, until `close` at the longest."""
        end = self._clock() + seconds
        while (remaining := end - self._clock()) > 0:
            # Not longer, so that Ctrl-C is handled on every system.
            if self._closing.wait(min(remaining, 0.5)):
                return

    def _change(self, state: StreamState, reason: str) -> None:
        """Enter a state, and report it where it is another one."""
        if state is self._state:
            return
        self._state = state
        if self._options.on_change is not None:
            self._options.on_change(StreamChange(state, self._clock() - self._start, reason))

    def _fit(self, frame: Frame) -> Frame:
        """The frame in the size of the first one."""
        size = (frame.shape[1], frame.shape[0])
        self._has_new_size |= size != self._last_size
        self._last_size = size
        if size == self.size:
            return frame
        if size not in self._sizes and len(self._sizes) < _MAX_SIZES:
            self._sizes.append(size)
        return scale_to_fit(frame, self.size)
