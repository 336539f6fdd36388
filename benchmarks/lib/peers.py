"""Other trackers behind the interface of `DeepSort`: `update(detections, frame=None)`.

The extra `bench` installs all of them; `available()` lists those that are installed.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.detections import Detections


class Reported(NamedTuple):
    """Ids and boxes of one frame, the part of `Tracks` that is scored."""

    id: NDArray[np.int64]  # (T,)
    xyxy: NDArray[np.float64]  # (T, 4)


class DeepSortRealtime:
    """deep-sort-realtime with given embeddings; reports Kalman-filtered boxes, its default.

    Args:
        settings: keyword arguments of its own class.
    """

    def __init__(self, **settings: Any) -> None:
        from deep_sort_realtime.deepsort_tracker import DeepSort

        self._tracker = DeepSort(embedder=None, **settings)

    def update(self, detections: Detections, frame: Any = None) -> Reported:
        """Return the tracks of one frame."""
        found = self.update_tracks(*as_deep_sort_realtime(detections))
        return Reported(ids_of(found), boxes_of(found))

    def update_tracks(self, raw: list[Any], embeds: list[Any]) -> list[Any]:
        """Return its own track objects that are confirmed and matched in this frame."""
        found = self._tracker.update_tracks(raw, embeds=embeds)
        return [t for t in found if t.is_confirmed() and t.time_since_update == 0]


def as_deep_sort_realtime(detections: Detections) -> tuple[list[Any], list[Any]]:
    """Convert detections to its arguments.

    Returns a list of ([left, top, width, height], score, class) and a list of embeddings.

    Raises:
        ValueError: there are detections without embeddings.
    """
    if detections.embedding is None and len(detections):
        raise ValueError("deep-sort-realtime needs embeddings, but the detections have none")
    tlwh = detections.xyxy.copy()
    tlwh[:, 2:] -= tlwh[:, :2]
    columns = (tlwh.tolist(), detections.score.tolist(), detections.class_id.tolist())
    embeds = [] if detections.embedding is None else list(detections.embedding)
    return list(zip(*columns, strict=True)), embeds


def ids_of(tracks: list[Any]) -> NDArray[np.int64]:
    """Return the ids (T,) of track objects of deep-sort-realtime."""
    return np.array([int(t.track_id) for t in tracks], dtype=np.int64)


def boxes_of(tracks: list[Any], *, detected: bool = False) -> NDArray[np.float64]:
    """Return the boxes xyxy (T, 4) of its track objects: Kalman-filtered, or of the detections."""
    return np.array([t.to_ltrb(orig=detected) for t in tracks]).reshape(-1, 4)


class RoboflowTracker:
    """A tracker of the package `trackers` at its defaults.

    Args:
        name: name of its class, for example "ByteTrackTracker".
    """

    def __init__(self, name: str) -> None:
        import trackers

        self._tracker = getattr(trackers, name)()

    def update(self, detections: Detections, frame: Any = None) -> Reported:
        """Return the tracks of one frame."""
        import supervision as sv

        found = self._tracker.update(
            sv.Detections(
                xyxy=detections.xyxy.astype(np.float32),
                confidence=detections.score.astype(np.float32),
                class_id=detections.class_id,
            )
        )
        has_id = found.tracker_id >= 0
        return Reported(found.tracker_id[has_id].astype(np.int64) + 1, found.xyxy[has_id])


def available() -> dict[str, Callable[[], Any]]:
    """Return the factories of all installed trackers by name."""
    found: dict[str, Callable[[], Any]] = {}
    if find_spec("deep_sort_realtime"):
        found["deep-sort-realtime"] = DeepSortRealtime
        found["deep-sort-realtime >= 0.3"] = lambda: MinScore(DeepSortRealtime(), 0.3)
    if find_spec("trackers"):
        for name in ("SORT", "ByteTrack", "OCSORT", "BoTSORT", "CBIoU"):
            found[f"roboflow {name}"] = lambda name=name: RoboflowTracker(f"{name}Tracker")
    return found


def missing() -> list[str]:
    """Return one line for each package that is not installed."""
    return [
        f"{title} is not installed: pip install 'deepsort-reid[bench]'"
        for module, title in (
            ("deep_sort_realtime", "deep-sort-realtime"),
            ("trackers", "trackers"),
        )
        if not find_spec(module)
    ]


class MinScore:
    """A tracker that receives only detections of at least `min_score`."""

    def __init__(self, tracker: Any, min_score: float) -> None:
        self._tracker = tracker
        self._min_score = min_score

    def update(self, detections: Detections, frame: Any = None) -> Any:
        """Return the tracks of one frame."""
        return self._tracker.update(detections[detections.score >= self._min_score])
