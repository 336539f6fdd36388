"""Records of a run what its results page shows, in bounded memory."""

from typing import Any

import numpy as np

from deepsort_reid.results.crops import BestCrops, Crop, crop_quality, cut_crop
from deepsort_reid.results.crossings import Crossings
from deepsort_reid.results.place import Place
from deepsort_reid.results.traces import Point, Traces
from deepsort_reid.structures import boxes
from deepsort_reid.structures.frame import Frame
from deepsort_reid.structures.tracks import Tracks

_INTERVAL = 0.1  # seconds: people do not change faster
_MAX_DT = 1.0  # seconds that a person is taken to have stood in one place


class Recorder:
    """Records crops, times, ways and crossings of the tracks of a run.

    Attributes:
        crops, traces, crossings, place: what was recorded.
        last_frame: number of the last frame that was added.
        missing: first and last numbers of frames that were tracked but not recorded.
    """

    def __init__(self) -> None:
        self.crops, self.traces = BestCrops(), Traces()
        self.crossings, self.place = Crossings(), Place()
        self.last_frame = 0
        self.missing: list[tuple[int, int]] = []
        self._last_time = -float("inf")

    def add(self, number: int, time: float, frame: Frame, tracks: Tracks) -> None:
        """Add the tracks of frame `number`, BGR uint8 (H, W, 3), at `time` seconds.

        Of frames within a tenth of a second, the first one counts, and those with new tracks.
        """
        self.last_frame = number
        dt = time - self._last_time
        ids, xyxy = tracks.id.tolist(), tracks.xyxy
        if 0 <= dt < 0.99 * _INTERVAL and self.traces.of_track.keys() >= set(ids):
            return
        self._last_time = time
        x, bottom = (xyxy[:, 0] + xyxy[:, 2]) / 2, xyxy[:, 3]
        self.place.add(frame, x, bottom, min(max(dt, 0.0), _MAX_DT))
        if not ids:
            return
        overlap = boxes.intersection(xyxy, xyxy)
        area = np.diagonal(overlap).copy()
        np.fill_diagonal(overlap, 0)
        union = np.maximum(area[:, None] + area - overlap, 1e-9)
        self.crossings.add(ids, overlap / union, time)
        height = bottom - xyxy[:, 1]
        for id, *point in zip(ids, x.tolist(), bottom.tolist(), height.tolist(), strict=True):
            self.traces.add(id, Point(time, *point))
        quality = crop_quality(xyxy, tracks.score, self.place.size, overlap)
        for row, (id, own) in enumerate(zip(ids, quality.tolist(), strict=True)):
            if own > 0:
                self._add_crop(id, row, own, number, time, frame, tracks)
        present = set(ids)
        self.traces.limit(present)
        self.crops.limit(self.traces.looks, present)

    def _add_crop(
        self,
        id: int,
        row: int,
        quality: float,
        number: int,
        time: float,
        frame: Frame,
        tracks: Tracks,
    ) -> None:
        def cut() -> Crop:
            return Crop(time, number, quality, cut_crop(frame, tracks.xyxy[row]))

        first_time = self.traces.of_track[id].spans[0][0]
        self.crops.add(id, first_time, time, quality, cut)

    def state_dict(self) -> dict[str, Any]:
        """What was recorded, as plain data."""
        parts = {name: getattr(self, name).state_dict() for name in _PARTS}
        missing = [list(each) for each in self.missing]
        return {**parts, "last_frame": self.last_frame, "time": self._last_time, "missing": missing}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        for name in _PARTS:
            getattr(self, name).load_state_dict(state[name])
        self.last_frame, self._last_time = state["last_frame"], state["time"]
        self.missing = [(first, last) for first, last in state["missing"]]


_PARTS = ("crops", "traces", "crossings", "place")
