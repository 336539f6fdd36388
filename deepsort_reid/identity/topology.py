"""Camera topology: overlapping views, and times to walk between cameras."""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from deepsort_reid.structures.numbers import as_float


class TravelTime(NamedTuple):
    """Shortest and longest time from leaving one camera to entering the next."""

    min: float
    max: float


class Topology:
    """What is known about the places of cameras.

    Args:
        cameras: names of all cameras. Where they are given, other names are refused.
        same_place: pairs of cameras whose views overlap: both may see one person at the same time.
            Two tracks at the same time in other cameras are two people.
        travel_time: (first camera, next camera) -> (shortest, longest) time between the last
            detection in the first and the first one in the next, in the unit of the times given
            to the registry. Tracks with a shorter time between them are different
            people; so are those with a longer one and no track between them. Each pair is for one
            direction.

    Raises ValueError when a camera is listed twice or unknown, or a time is not as above.
    """

    def __init__(
        self,
        cameras: Collection[str] = (),
        *,
        same_place: Iterable[tuple[str, str]] = (),
        travel_time: Mapping[tuple[str, str], tuple[float, float]] | None = None,
    ) -> None:
        self.cameras = tuple(_checked_name(camera) for camera in cameras)
        repeated = [name for name in self.cameras if self.cameras.count(name) > 1]
        if repeated:
            raise ValueError(f"cameras must differ, got {repeated[0]!r:.80} twice")
        self.same_place: frozenset[frozenset[str]] = frozenset()
        for pair in same_place:
            first, second = self._checked_pair(pair, "same_place")
            added = frozenset((first, second))
            if added in self.same_place:
                raise ValueError(f"same_place lists the cameras {first!r}, {second!r} twice")
            self.same_place |= {added}
        self.travel_time: dict[tuple[str, str], TravelTime] = {}
        for pair, times in (travel_time or {}).items():
            checked = self._checked_pair(pair, "travel_time")
            self.travel_time[checked] = _checked_times(checked, times)
            if frozenset(checked) in self.same_place:
                raise ValueError(
                    f"cameras {checked[0]!r}, {checked[1]!r} are in same_place, where there is no "
                    "travel_time"
                )

    def check_camera(self, camera: str) -> str:
        """The name of a camera; raises ValueError when the topology does not know it."""
        name = _checked_name(camera)
        if self.cameras and name not in self.cameras:
            raise ValueError(
                f"unknown camera {name!r:.80}: expected one of {', '.join(self.cameras)[:200]}"
            )
        return name

    def may_overlap(self, first: str, second: str) -> bool:
        """Whether two cameras may see one person at the same time."""
        return frozenset((first, second)) in self.same_place

    def _checked_pair(self, pair: tuple[str, str], argument: str) -> tuple[str, str]:
        if isinstance(pair, str) or len(tuple(pair)) != 2:
            raise ValueError(f"{argument} must be pairs of cameras, got {pair!r:.80}")
        first, second = (_checked_name(camera) for camera in pair)
        for camera in (first, second):
            if self.cameras and camera not in self.cameras:
                raise ValueError(
                    f"{argument} names the unknown camera {camera!r:.80}: expected one of "
                    f"{', '.join(self.cameras)[:200]}"
                )
        if first == second:
            raise ValueError(f"{argument} must be pairs of two cameras, got {first!r:.80} twice")
        return first, second


def _checked_name(camera: str) -> str:
    if not isinstance(camera, str) or not camera:
        raise ValueError(f"a camera must be named by text, got {camera!r:.80}")
    return camera


def _checked_times(pair: tuple[str, str], times: tuple[float, float]) -> TravelTime:
    values = [as_float(value) for value in times] if isinstance(times, tuple | list) else []
    if len(values) != 2 or not 0 <= values[0] <= values[1] or math.isinf(values[0]):
        raise ValueError(
            f"travel_time of {pair[0]!r}, {pair[1]!r} must be a shortest and a longest time, "
            f"0 <= shortest <= longest, got {times!r:.80}"
        )
    return TravelTime(*values)
