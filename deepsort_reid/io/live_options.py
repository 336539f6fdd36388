"""Options and states of cameras and streams."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class StreamState(str, Enum):
    """State of a camera or stream."""

    CONNECTED = "connected"
    STALLED = "stalled"  # no frame came within the time limit
    RECONNECTING = "reconnecting"
    ENDED = "ended"


class StreamChange(NamedTuple):
    """A change of the state of a camera or stream."""

    state: StreamState
    time: float  # seconds since the first frame
    reason: str


@dataclass(frozen=True, kw_only=True)
class LiveOptions:
    """How a camera or stream is read.

    Raises ValueError for a value out of range.

    Attributes:
        latest: deliver only the newest frame, so that a slow consumer misses frames instead of
            falling behind. The time step `dt` of the tracker then follows the clock.
        stall_timeout: seconds without a frame after which the source has stalled.
        open_timeout: seconds until the source must be open, and again until its first frame.
        reconnect: seconds for which a lost source is tried again; 0: never, inf: for ever.
        retry_delay: seconds before the second attempt to reconnect; doubled for each further one,
            up to 10. The first attempt follows at once.
        restart_on_size_change: end all tracks when the frame size changes: `dt` is then so long
            that only a track whose embedding is recognised keeps its id. By default the tracks
            continue.
        on_change: called with a `StreamChange` when the state changes.
    """

    latest: bool = False
    stall_timeout: float = 5.0
    open_timeout: float = 10.0
    reconnect: float = 60.0
    retry_delay: float = 0.5
    restart_on_size_change: bool = False
    on_change: Callable[[StreamChange], object] | None = None

    def __post_init__(self) -> None:
        for name in ("stall_timeout", "open_timeout", "retry_delay"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ValueError(f"{name}: expected seconds above 0, got {value}")
        if not self.reconnect >= 0:
            raise ValueError(f"reconnect: expected 0 seconds or more, got {self.reconnect}")


@dataclass(frozen=True)
class Interruption:
    """A time without frames."""

    time: float  # of the last frame before it, in seconds since the first frame
    reason: str
    seconds: float | None  # until the next frame; None when there was none
