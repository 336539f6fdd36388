"""Trackers measured beside ours, each behind `update(detections, frame=None)`.

All are installed by the `bench` extra; `available()` says which of them are here.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.detections import Detections


class Reported(NamedTuple):
    """The part of `Tracks` that a table needs."""

    id: NDArray[np.int64]  # (T,)
    xyxy: NDArray[np.float64]  # (T, 4)


class DeepSortRealtime:
    """deep-sort-realtime, given our embeddings; reports its filtered boxes, as by default."""

    def __init__(self, **settings: Any) -> None:
        from deep_sort_realtime.deepsort_tracker import DeepSort

        self._tracker = DeepSort(embedder=None, **settings)

    def update(self, detections: Detections, frame: Any = None) -> Reported:
        found = self.update_tracks(*as_deep_sort_realtime(detections))
        return Reported(ids_of(found), boxes_of(found))

    def update_tracks(self, raw: list[Any], embeds: list[Any]) -> list[Any]:
        """Its own update, its own types; the tracks that have been matched in this frame."""
        found = self._tracker.update_tracks(raw, embeds=embeds)
        return [t for t in found if t.is_confirmed() and t.time_since_update == 0]


def as_deep_sort_realtime(detections: Detections) -> tuple[list[Any], list[Any]]:
    """Our detections as its list of ([left, top, width, height], score, class) and embeddings."""
    if detections.embedding is None and len(detections):
        raise ValueError("deep-sort-realtime needs embeddings, these detections have none")
    tlwh = detections.xyxy.copy()
    tlwh[:, 2:] -= tlwh[:, :2]
    columns = (tlwh.tolist(), detections.score.tolist(), detections.class_id.tolist())
    embeds = [] if detections.embedding is None else list(detections.embedding)
    return list(zip(*columns, strict=True)), embeds


def ids_of(found: list[Any]) -> NDArray[np.int64]:
    """Ids (T,) of deep-sort-realtime's tracks."""
    return np.array([int(t.track_id) for t in found], dtype=np.int64)


def boxes_of(found: list[Any], *, detected: bool = False) -> NDArray[np.float64]:
    """Boxes (T, 4) of deep-sort-realtime's tracks: filtered, or those of the detections."""
    return np.array([t.to_ltrb(orig=detected) for t in found]).reshape(-1, 4)


class Roboflow:
    """One of roboflow's trackers, at its defaults."""

    def __init__(self, name: str) -> None:
        import trackers

        self._tracker = getattr(trackers, name)()

    def update(self, detections: Detections, frame: Any = None) -> Reported:
        import supervision as sv

        found = self._tracker.update(
            sv.Detections(
                xyxy=detections.xyxy.astype(np.float32),
                confidence=detections.score.astype(np.float32),
                class_id=detections.class_id,
            )
        )
        known = found.tracker_id >= 0
        return Reported(found.tracker_id[known].astype(np.int64) + 1, found.xyxy[known])


def available() -> dict[str, Callable[[], Any]]:
    """Name -> factory of every peer that is installed."""
    found: dict[str, Callable[[], Any]] = {}
    if find_spec("deep_sort_realtime"):
        found["deep-sort-realtime"] = DeepSortRealtime
        found["deep-sort-realtime >= 0.3"] = lambda: AboveScore(DeepSortRealtime(), 0.3)
    if find_spec("trackers"):
        for name in ("SORT", "ByteTrack", "OCSORT", "BoTSORT", "CBIoU"):
            found[f"roboflow {name}"] = lambda name=name: Roboflow(f"{name}Tracker")
    return found


def missing() -> list[str]:
    """One line for each peer that is not installed."""
    return [
        f"{title} is not installed: pip install 'deepsort-reid[bench]'"
        for module, title in (
            ("deep_sort_realtime", "deep-sort-realtime"),
            ("trackers", "trackers"),
        )
        if not find_spec(module)
    ]


class AboveScore:
    """Any tracker that is shown only the detections of `min_score` and up."""

    def __init__(self, tracker: Any, min_score: float) -> None:
        self._tracker = tracker
        self._min_score = min_score

    def update(self, detections: Detections, frame: Any = None) -> Any:
        return self._tracker.update(detections[detections.score >= self._min_score])
